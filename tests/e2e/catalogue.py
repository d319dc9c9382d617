"""Calls of the application: for each procedure inputs that vary, decided by a seed, with edges among them (nothing found,
everything found, empty lists, text that needs quoting)."""
import random

STATUSES = ('NEW', 'IN_PROGRESS', 'NEEDS_PARTS', 'RESOLVED')
SEVERITIES = ('LOW', 'MEDIUM', 'HIGH', 'CRITICAL')
FREQUENCIES = ('IMMEDIATE', 'DAILY', 'WEEKLY', 'NEVER')


class Inputs:
    """Random values of the scenario's data (deploy/scenario/seed.sql)."""

    def __init__(self, seed):
        self.random = random.Random(seed)

    def pick(self, *values):
        return self.random.choice(values)

    def some(self, values, least=1):
        return self.random.sample(values, self.random.randint(least, len(values)))

    def org(self):
        return f'org_{self.random.randint(1, 6):03}'  # the sixth does not exist

    def user(self):
        return self.pick('usr_0050', 'usr_nope', *(f'usr_{self.random.randint(1, 200):04}' for _ in range(6)))

    def machine(self):
        return f'mac_{self.random.randint(1, 62):04}'  # the last two do not exist

    def issue(self):
        return f'iss_{self.random.randint(1, 605):05}'

    def day(self, month, last=28):
        return f'2024-{month:02}-{self.random.randint(1, last):02}T{self.random.randint(0, 23):02}:00:00.123Z'

    def issue_list(self):
        return {'org': self.org(), 'status': self.some(STATUSES), 'severity': self.pick(*SEVERITIES),
                'retired': self.pick(False, False, True), 'minScore': self.pick(0, 1.5, 40)}


# Procedures whose reads are one statement; each is the rule of its name in deploy/examples/pinpoint.yaml.
SINGLE = {
    'userRouter.byEmail': lambda i: {'email': i.pick('nobody@example.test', "o'hara@example.test",
                                                     f'user{i.random.randint(1, 200)}@example.test')},
    'userRouter.together': lambda i: {'ids': ['usr_0050', *i.random.sample([f'usr_{n:04}' for n in range(51, 210)], i.random.randint(2, 9))]},
    'userRouter.byFrequency': lambda i: {'frequencies': i.some(FREQUENCIES), 'skip': i.pick(0, 5, 100), 'take': i.pick(1, 10, 500)},
    'userRouter.unverified': lambda i: {'take': i.pick(1, 7, 500)},
    'userRouter.createdBetween': lambda i: {'from': i.pick(i.day(1, 4), '2024-01-02T03:41:05.678Z'), 'to': i.pick(i.day(1), '2024-01-03T00:02:05.678Z')},
    'userRouter.find': lambda i: {'text': i.pick('user 1', 'USER', 'user1', 'user1', 'x'), 'domain': i.pick(*3 * ['example.test'], '.com'),
                                  'not': i.pick('User 12', 'nobody')},
    'userRouter.countOfFrequency': lambda i: {'frequency': i.pick(*FREQUENCIES)},
    'organizationRouter.bySubdomain': lambda i: {'subdomain': f'arcade{i.random.randint(1, 7)}'},
    'organizationRouter.dashboard': lambda i: {'after': i.pick('', 'org_002', 'org_005')},
    'roleRouter.all': lambda i: None,
    'roleRouter.allowing': lambda i: {'permission': i.pick('issue:create', 'org:manage', 'none')},
    'membershipRouter.joinedSince': lambda i: {'since': i.day(2), 'role': i.pick('Admin', 'Member', 'Nobody')},
    'machineRouter.byIds': lambda i: {'ids': i.random.sample([f'mac_{n:04}' for n in range(1, 63)], i.pick(1, 3, 7))},
    'machineRouter.byIds.none': lambda i: {'ids': []},
    'machineRouter.freePlay': lambda i: {'prefix': i.pick('n', 'n1', 'zzz'), 'tag': i.pick('tag0', 'tag1', 'ünï', 'has "quote", comma')},
    'machineRouter.byId': lambda i: {'id': i.machine()},
    'machineRouter.list': lambda i: {'org': i.org(), 'skip': i.pick(0, 3, 50), 'take': i.pick(1, 5, 100)},
    'machineRouter.withoutOwner': lambda i: {'org': i.org()},
    'machineRouter.worth': lambda i: {'price': i.pick(0, 0, 1234.5, 99999), 'plays': i.pick('9007199254740993', '9007199254741047', '0'),
                                      'latitude': i.pick(45.5, 50.5), 'since': i.pick('2020-02-28', '2020-04-18')},
    'machineRouter.bySerial': lambda i: {'serial': f'00000000-0000-4000-8000-{i.random.randint(1, 70):012}'},
    'machineRouter.byQrCode': lambda i: {'hex': i.pick('c4ca4238a0b923820dcc509a6f75849b', 'c81e728d9d4c2f636f067f89cc14862c', '', '00ff')},
    'machineRouter.stats': lambda i: {'org': i.org()},
    'machineRouter.byManufacturer': lambda i: {'from': i.pick(1985, 2000, 2030), 'atLeast': i.pick(1, 8, 16)},
    'machineRouter.tagged': lambda i: {'some': i.some(('tag0', 'tag1', 'ünï', 'has "quote", comma', 'none'))},
    'machineRouter.withIssues': lambda i: {'org': i.org(), 'status': i.pick(*STATUSES)},
    'machineRouter.quiet': lambda i: {'severity': i.pick(*SEVERITIES), 'retired': i.pick(True, False)},
    'issueRouter.count': Inputs.issue_list,
    'issueRouter.search': lambda i: {'org': i.org(), 'title': i.pick('flipper', 'BALL', "it's"), 'text': i.pick('issue 1', 'nothing', '7'),
                                     'take': i.pick(1, 15, 500)},
    'issueRouter.page': lambda i: {'org': 'org_002', 'cursor': f'iss_{5 * i.random.randint(0, 119) + 5:05}', 'take': i.pick(1, 5)},
    'issueRouter.byId': lambda i: {'id': i.issue()},
    'issueRouter.openOnMachine': lambda i: {'machine': i.machine()},
    'issueRouter.createdSince': lambda i: {'since': i.day(5, 9)},
    'issueRouter.unassigned': lambda i: {'org': i.org(), 'before': i.day(7, 2), 'skip': i.pick(0, 0, 3)},
    'issueRouter.urgent': lambda i: {'org': i.org(), 'score': i.pick(0, 40.5, 1000)},
    'issueRouter.byStatus': lambda i: {'org': i.org()},
    'issueRouter.perDay': lambda i: {'org': i.org(), 'since': i.day(5, 8), 'min': i.pick(0, 2)},
    'issueRouter.total': lambda i: None,
    'collectionRouter.sizes': lambda i: {'org': i.org(), 'smart': i.pick(True, False)},
    'collectionRouter.holding': lambda i: {'machine': i.machine()},
    'collectionRouter.ofManufacturer': lambda i: {'manufacturer': i.pick('Stern', 'Bally')},
}

# Procedures whose reads are several statements in Prisma and one in Drizzle: deploy/examples/pinpoint-operations.yaml.
SEVERAL = {
    'userRouter.getProfile': lambda i: {'id': i.user()},
    'userRouter.profiles': lambda i: {'ids': ['usr_0050', *i.random.sample([f'usr_{n:04}' for n in range(51, 210)], i.random.randint(2, 9))]},
    'membershipRouter.list': lambda i: {'org': i.org(), 'take': i.pick(1, 20)},
    'issueRouter.list': lambda i: {**i.issue_list(), 'skip': i.pick(0, 5), 'take': i.pick(1, 10)},
    'issueRouter.people': lambda i: {'machine': i.machine()},
    'collectionRouter.withMachines': lambda i: {'org': i.org()},
}

# Procedures that Drizzle answers by a relational query, children in JSON: deploy/examples/pinpoint-relational.yaml.
RELATIONAL = {
    'userRouter.getProfileRelational': lambda i: {'id': i.user()},
    'machineRouter.ofIssue': lambda i: {'id': i.issue()},
    'machineRouter.issueLists': lambda i: {'org': i.org()},
}


def path_of(rule):
    """`machineRouter.byIds.none` is a call of `machineRouter.byIds`."""
    return '.'.join(rule.split('.')[:2])


def calls(procedures, each, seed):
    """`each` calls of every procedure; what a procedure is given does not depend on the others. The rule that a call belongs to
    is named beside path and input."""
    found = []
    for rule, make in procedures.items():
        inputs = Inputs(f'{seed} {rule}')
        found += [{'rule': rule, 'path': path_of(rule), 'input': make(inputs)} for _ in range(each)]
    return found
