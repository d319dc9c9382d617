"""What the checks share: the files of the project, and comments and strings cut out of C++."""
import pathlib
import re
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
ROOMS = ('protocol', 'metrics', 'proxy/io', 'proxy', 'shadow')


def files(root, *suffixes):
    """Files of the project below `root` with these suffixes: what git tracks or would track, or all when there is no git."""
    listed = subprocess.run(['git', 'ls-files', '-co', '--exclude-standard'], cwd=root, stdout=subprocess.PIPE,
                            stderr=subprocess.DEVNULL, text=True, check=False)
    if listed.returncode == 0 and listed.stdout:
        paths = [root / line for line in listed.stdout.splitlines()]
    else:
        paths = list(root.rglob('*'))
    return sorted(path for path in paths if path.suffix in suffixes and path.is_file())


def sources(root):
    return files(root, '.cc', '.h')


# A comment, or a literal. Raw strings first: anything may stand inside. A ' between digits is a separator.
TOKEN = re.compile(r'''R"(?P<mark>[^()\\ ]{0,16})\(.*?\)(?P=mark)"|//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|(?<![0-9a-fA-F])'(?:\\.|[^'\\\n])+\'''',
                   re.DOTALL)


def without_comments_and_strings(text):
    """The code alone; every line stays where it was."""
    def blank(found):
        piece = found.group()
        kept = '\n' * piece.count('\n')
        return '""' + kept if piece[0] in '"R' else "' '" + kept if piece[0] == "'" else kept
    return TOKEN.sub(blank, text)


def line_of(text, offset):
    return text.count('\n', 0, offset) + 1
