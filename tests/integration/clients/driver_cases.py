"""One test a driver. What each must print is written here, so that an output that is empty both times cannot pass."""
import subprocess
import tempfile

from clients.rig import CLIENTS, Comparison, Rig

JDBC = '/usr/share/java/postgresql.jar'
SHA1_OF_TEN_MEGABYTES = '71a0f071f6603f3c0b3a52d340cd713f0fe15a97'  # '0123456789' a million times
SHA1_OF_TEN_MEGABYTES_OF_BYTES = '340652095e21b6745378d571e1a6a57c5d867f1f'  # 0, 1, 255, 10 and again
FLIPS = 350  # in the run of each driver's script in which the mode changes
SHA1_OF_COPY = '357780 67d373a7ede37271167a1cc2318127e578cde9d9'


class DriverCases(Comparison):
    """Mixed into a TestCase that says whether the legs have `tls`."""

    @classmethod
    def setUpClass(cls):
        cls.rig = Rig(cls.tls)
        cls.addClassCleanup(cls.rig.destroy)

    def test_psql(self):
        with tempfile.NamedTemporaryFile() as file:
            file.write(bytes(range(256)) * 20_000)  # 5 MB through large objects
            file.flush()
            output = self.same('psql', '-Xa', '-v', f'file={file.name}', '-f', CLIENTS / 'session.psql',
                               given='1\tone\n2\ttwo\n', status=2,
                               covered=8, verdicts=3, flips=FLIPS)
        self.assert_says(output, [
            'division by zero', 'LINE 1: SELECT nmae\n               ^\nHINT:  Perhaps you meant',
            'violates check constraint "is_positive"', 'CONSTRAINT NAME:  five', 'notice 3',
            'cannot execute INSERT in a read-only transaction', 'after copy', '  2 | two',
            'CONTEXT:  COPY sink, line 1', 'b13c83a2e8f50689aca7104b4aec001c', 'prepared statement "q" does not exist',
            ' 99\n 98\n', 'Asynchronous notification "news" with payload "payload"', 'lo_import',
            'dcf6a99f83b3a50b2ff3ecc6490d966f', 'WARNING:  careful', 'statement timeout', 'odd name', 'elsewhere',
            'LATIN1', 'connection to server was lost'])

    def test_psql_cancels(self):
        """psql sends its cancel request when it is interrupted; that ends a script, so it is one of its own."""
        asleep = """psql -XAtc "SELECT 'asleep' FROM pg_stat_activity WHERE wait_event = 'PgSleep'" | grep -q asleep"""
        interrupt = f'(until {asleep}; do sleep 0.02; done; kill -INT $PPID) &'
        output = self.same('psql', '-X', '-c', 'SELECT id, name FROM item WHERE id = 4', '-c', f'\\! {interrupt}',
                           '-c', 'SELECT pg_sleep(60)', status=1, verdicts=1)
        self.assert_says(output, ['item 4', 'canceling statement due to user request'])

    def test_psql_logins_that_fail(self):
        for conninfo, said in (('user=locked_psql password=wrong',
                                'password authentication failed for user "locked_psql"'),
                               ('user=no_such_psql', 'password authentication failed for user "no_such_psql"'),
                               ('dbname=nowhere', 'database "nowhere" does not exist'),
                               ("options='-c nonsense=1'", 'unrecognized configuration parameter "nonsense"')):
            self.assertIn(said, self.same('psql', '-X', '-c', 'SELECT 1', conninfo, status=2, covered=0))

    def test_node_pg(self):
        output = self.same('node', CLIENTS / 'pg.mjs', covered=110, verdicts=100, flips=FLIPS)
        self.assert_says(output, [
            '"name":"item 1 ünï"', '"a":[1,2]', 'forgotten {"code":"26000"',
            'cached plan must not change result type',
            '"position":"8","hint":"Perhaps you', '"constraint":"is_positive"',
            '"detail":"the detail","hint":"the hint"', '"message":"notice 3"', 'aborted {"code":"25P02"',
            'notification {"channel":"Odd Näme"', 'to myself', '"22012",[{"id":6', 'two at a time [1,2,3,4,5,6,7]',
            'read [7]', 'broken {"code":"22012"', f'out "{SHA1_OF_COPY}"', 'bad row {"code":"22P02"',
            'canceling statement due to user request', 'due to statement timeout', SHA1_OF_TEN_MEGABYTES,
            SHA1_OF_TEN_MEGABYTES_OF_BYTES, '"lo_tell64":"251005"', 'columns [1600,', '"work_mem":"3MB"',
            '"here":"elsewhere"', '28P01', '3D000', '42704', '57P01', 'done 28 cases'])

    def test_node_postgres(self):
        output = self.same('node', CLIENTS / 'postgres.mjs', covered=90, verdicts=80, flips=FLIPS)
        self.assert_says(output, [
            '"name":"item 1 ünï"', 'described [[23]', '"position":"8","hint":"Perhaps you',
            '"constraint":"is_positive"', '"hint":"the hint"', '"message":"notice 3"', '"22012",[{"id":6',
            'two at a time [[1,2],[3,4],[5,6],[7]]', 'broken {"code":"22012"', 'savepoint {"code":"22012"',
            'rolled back "roll back"', f'out "{SHA1_OF_COPY}"', '["Odd Näme",7999,',
            'canceling statement due to user request', 'due to statement timeout', SHA1_OF_TEN_MEGABYTES,
            SHA1_OF_TEN_MEGABYTES_OF_BYTES, 'unlinked', 'columns [1600,', '"w":"3MB"', '"here":"elsewhere"',
            '28P01', '3D000', '42704', 'connects again [{"id":3', 'done 25 cases'])

    def test_psycopg(self):
        output = self.same('/usr/bin/python3', CLIENTS / 'psycopg_script.py', covered=60, verdicts=55, flips=FLIPS)
        self.assert_says(output, [
            "(1, 'item 1 ünï')", "'prepared statement \"_pg3_0\" does not exist'", "'statement_position': '8'",
            "'message_hint': 'the hint'", "'notice 3'", 'many [0, 1, 2,', "at the sync 'DivisionByZero'",
            "again [(3, 'item 3 ünï')]", 'iterated [1, 2, 3, 4, 5, 6, 7]', 'there (101,)', "breaks 'DivisionByZero'",
            "prepared [('one',)]", SHA1_OF_COPY, 'COPY sink, line 2, column id',
            'error from Python: ValueError - given up', "('Odd Näme', 7999, 'xxxxxxxxx', True)",
            'canceling statement due to user request', 'due to statement timeout', SHA1_OF_TEN_MEGABYTES,
            SHA1_OF_TEN_MEGABYTES_OF_BYTES, 'write (4, 251005)', 'columns 1600', "('3MB',)", "('elsewhere',)",
            "in Latin 1 [(3, 'item 3 ünï')] [('ü',)]", 'password authentication failed',
            'database "nowhere" does not exist', 'terminated True', 'at once [(1,', 'done 26 cases'])

    def test_asyncpg(self):
        # its binary parameters have no declared types, so only what has no parameter is compared
        output = self.same('/usr/bin/python3', CLIENTS / 'asyncpg_script.py', covered=60, verdicts=2, flips=FLIPS)
        self.assert_says(output, [
            "(1, 'item 1 ünï')", "mood[] ['sad', None]", "described ['int4']",
            'cached plan must not change result type', 'cannot insert multiple commands', "'position': '8'",
            "'hint': 'the hint'", "'notice 3'", 'all undone [(0,)]', 'two at a time [1, 2, 3, 4, 5, 6, 7]',
            "broken 'DivisionByZeroError'", "aborted 'InFailedSQLTransactionError'", SHA1_OF_COPY,
            "records 'COPY 1000'", "bad row 'InvalidTextRepresentationError'", "('Odd Näme', 7999, 'xxxxxxxxx', True)",
            'cancelled', 'timeout', 'due to statement timeout', SHA1_OF_TEN_MEGABYTES, SHA1_OF_TEN_MEGABYTES_OF_BYTES,
            'write [(4, 251005)]', 'columns 1600', "'3MB'", "('elsewhere',)", '28P01', '3D000', '42704',
            'connection is closed', 'done 25 cases'])

    def test_jdbc(self):
        with tempfile.TemporaryDirectory() as classes:
            subprocess.run(['javac', '-cp', JDBC, '-d', classes, CLIENTS / 'Jdbc.java', CLIENTS / 'JdbcSupport.java'],
                           check=True)
            output = self.same('java', '-XX:+UseSerialGC', '-cp', f'{classes}:{JDBC}', 'Jdbc', covered=38, verdicts=30, flips=FLIPS)
        self.assert_says(output, [
            '[[1, item 1 ünï]]', 'row [[[3, item 3 ünï]], true]', 'forgotten [{severity=ERROR, code=26000',
            'prepared again [[[3, item 3 ünï]]]', 'hint=Perhaps you meant', 'position=8', 'hint=the hint',
            'message=notice 3', 'keys [1000]', 'one is bad [[-3, -3, -3, -3], {severity=ERROR',
            'two at a time [[[1], [2], [3], [4], [5], [6], [7]]]', 'broken [{severity=ERROR, code=22012',
            'updated [[[2, 20]]]', 'code=25P02', 'goes on [[[1]]]', SHA1_OF_COPY, 'COPY sink, line 2, column id',
            'heard [Odd Näme, 7999,', 'canceling statement due to user request', 'due to statement timeout',
            SHA1_OF_TEN_MEGABYTES, SHA1_OF_TEN_MEGABYTES_OF_BYTES, 'large object N does not exist', 'columns [1600,',
            '[[[3MB]]]', '57P01', '28P01', '3D000', '42704', 'done 32 cases'])
