"""Calls that change the rows which others read, in an order that leaves none of its own behind."""
import catalogue


def writing(i):
    """`i`: catalogue.Inputs."""
    def issue():
        return f'iss_{i.random.randint(1, 600):05}'

    made, added = f'mac_w{i.random.randint(0, 9**9):09}', f'iss_w{i.random.randint(0, 9**9):09}'
    org, user = f'org_{i.random.randint(1, 5):03}', f'usr_{i.random.randint(1, 200):04}'
    work = (
        ('createIssue', {'id': added, 'org': org, 'machine': 'mac_0001', 'user': user}),
        ('createMachine', {'id': made, 'org': org, 'machine': '', 'user': user}),
        ('updateIssue', {'id': issue(), 'status': i.pick(*catalogue.STATUSES), 'at': '2024-07-01T01:02:03.456Z'}),
        ('unassignAll', {'org': org}),
        ('resolve', {'id': issue()}),
        ('rename', {'id': issue(), 'title': f'Flipper {i.random.random()}'}),
        ('rollBack', {'id': issue()}),
        ('saveOrganization', {'id': 'org_w', 'subdomain': 'written', 'name': f'{i.random.random()}'}),
        ('duplicateOrganization', {'id': 'org_x', 'subdomain': 'arcade1'}),
        ('deleteIssue', {'id': added}),
        ('deleteMachine', {'id': made}),
    )
    return [{'rule': None, 'path': f'workRouter.{name}', 'input': given} for name, given in work]
