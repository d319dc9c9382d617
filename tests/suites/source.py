"""PostgreSQL's own test suites, out of Debian's source package: fetched with apt from wherever this machine's apt fetches
binaries, unpacked and compiled below build/suites/, kept there for the next run.

Nothing of the system is touched: apt gets a copy of its source lists, with deb-src for deb, and directories of its own."""
import os
import pathlib
import re
import shutil
import subprocess
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
CACHE = ROOT / 'build' / 'suites'
PACKAGE = 'postgresql-15'
WANTED = ('src/test/regress', 'src/test/isolation', 'src/test/modules/libpq_pipeline')


def run(*command, cwd=None):
    """Standard output; SystemExit with all that the command said when it fails."""
    done = subprocess.run(list(map(str, command)), cwd=cwd, env={**os.environ, 'LC_ALL': 'C.UTF-8'}, text=True, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if done.returncode != 0:
        raise SystemExit(f'{" ".join(map(str, command))}: exit status {done.returncode}\n{done.stdout}{done.stderr}')
    return done.stdout


def with_sources(name, text, origins):
    """The source list with deb-src for deb; only of the origins that have the package (all when they are not known)."""
    def wanted(part):
        return not origins or any(origin in part for origin in origins)
    if name.endswith('.sources'):
        stanzas = [part for part in re.split(r'\n\s*\n', text) if re.search(r'(?mi)^Types:.*\bdeb\b', part) and wanted(part)]
        return '\n\n'.join(re.sub(r'(?mi)^Types:.*$', 'Types: deb-src', part) for part in stanzas)
    lines = [line for line in text.splitlines() if re.match(r'\s*deb\s', line) and wanted(line)]
    return '\n'.join(re.sub(r'^\s*deb\s', 'deb-src ', line) for line in lines)


def source_lists(origins):
    etc = pathlib.Path('/etc/apt')
    paths = [path for path in [etc / 'sources.list', *sorted((etc / 'sources.list.d').glob('*'))]
             if path.is_file() and path.suffix in ('.list', '.sources')]
    texts = {path.name: with_sources(path.name, path.read_text(encoding='utf-8'), origins) for path in paths}
    return {name: text for name, text in texts.items() if text}


def private_apt(directory):
    """Options that make apt use deb-src lines and directories below `directory`."""
    for name in ('lists/partial', 'archives/partial', 'parts'):
        (directory / name).mkdir(parents=True)
    origins = set(re.findall(r'^\s+\d+ (\S+:/\S+?)/? ', run('apt-cache', 'policy', PACKAGE), re.M))
    lists = source_lists(origins) or source_lists(set())
    for name, text in lists.items():
        (directory / 'parts' / name).write_text(text + '\n', encoding='utf-8')
    options = {'Dir::Etc::sourcelist': '/dev/null', 'Dir::Etc::sourceparts': directory / 'parts',
               'Dir::State::lists': directory / 'lists', 'Dir::Cache': directory}
    if os.geteuid() == 0:
        options['APT::Sandbox::User'] = 'root'  # the directory is ours alone
    return [word for key, value in options.items() for word in ('-o', f'{key}={value}')]


def versions(options):
    """Versions that the source lists offer, the installed server's first, then from new to old."""
    listed = run('apt-cache', *options, 'showsrc', '--only-source', PACKAGE)
    found = set(re.findall(r'^Version: (\S+)$', listed, re.M))
    installed = run('dpkg-query', '-W', '-f=${source:Version}', PACKAGE)
    return sorted(found, reverse=True,
                  key=lambda version: (version == installed, list(map(int, re.findall(r'\d+', version)))))


def fetch(directory):
    """Downloads the newest source that is really there (a mirror may list a version and not have it); returns its .dsc."""
    options = private_apt(directory)
    run('apt-get', *options, 'update')
    problems = []
    for version in versions(options):
        try:
            run('apt-get', *options, 'source', '--only-source', '--download-only', f'{PACKAGE}={version}', cwd=directory)
        except SystemExit as failed:
            problems.append(str(failed))
            continue
        return next(directory.glob('*.dsc'))
    raise SystemExit(f'no source of {PACKAGE} can be fetched\n' + '\n'.join(problems))


def unpack(directory, descriptor):
    """Only the suites' folders, into the cache; a run that is cut short leaves nothing half done."""
    whole = directory / 'whole'
    run('dpkg-source', '--skip-patches', '-x', descriptor, whole, cwd=directory)
    part = directory / 'part'
    for name in WANTED:
        shutil.copytree(whole / name, part / name)
    (part / 'version').write_text(descriptor.name.removesuffix('.dsc') + '\n')
    compile_all(part)
    shutil.rmtree(CACHE / 'source', ignore_errors=True)
    part.rename(CACHE / 'source')


def pg_config(what):
    return run('pg_config', f'--{what}').strip()


def compile_all(source):
    """The C functions that the regression tests load, and libpq's pipeline test."""
    regress = source / 'src/test/regress'
    run('gcc', '-O1', '-w', '-shared', '-fPIC', f'-I{pg_config("includedir-server")}', f'-I{pg_config("includedir")}',
        regress / 'regress.c', '-o', regress / 'regress.so')
    pipeline = source / 'src/test/modules/libpq_pipeline'
    run('gcc', '-O1', '-w', f'-I{pg_config("includedir")}', f'-I{pg_config("includedir-server")}',
        pipeline / 'libpq_pipeline.c', f'-L{pg_config("libdir")}', f'-L{pg_config("pkglibdir")}', '-lpq', '-lpgcommon',
        '-lpgport', '-o', pipeline / 'libpq_pipeline')


def tree():
    """The unpacked and compiled source; fetched at first."""
    if not (CACHE / 'source').is_dir():
        CACHE.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix='fetch-', dir=CACHE) as name:
            directory = pathlib.Path(name)
            unpack(directory, fetch(directory))
    return CACHE / 'source'


def is_of_another_version():
    """Than the installed server (a mirror may not have the newest source yet)."""
    return version() != f'{PACKAGE}_' + run('dpkg-query', '-W', '-f=${source:Version}', PACKAGE)


def version():
    return (tree() / 'version').read_text().strip()


if __name__ == '__main__':
    print(tree(), version())
