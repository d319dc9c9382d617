"""Runs a compiler-like command for many files, two at a time, and remembers by content what was clean."""
import concurrent.futures
import hashlib
import json
import os
import pathlib
import shlex
import subprocess


def commands(build):
    """{source: (directory, arguments)} of compile_commands.json, without launcher, output, dependency options and precompiled headers."""
    result = {}
    for entry in json.loads((pathlib.Path(build) / 'compile_commands.json').read_text()):
        if os.path.basename(entry['file']) == 'cmake_pch.hxx.cxx':
            continue
        arguments = entry.get('arguments') or shlex.split(entry['command'])
        names = [os.path.basename(argument) for argument in arguments]
        if 'ccache' in names:
            arguments = arguments[names.index('ccache') + 1:]
        kept, skip = [], False
        for argument, value in zip(arguments, [*arguments[1:], '']):
            if skip:
                skip = False
            elif argument in ('-o', '-MF', '-MT', '-MQ') or argument == '-include' and os.path.basename(value) == 'cmake_pch.hxx':
                skip = True
            elif argument not in ('-c', '-MD', '-MMD', '-Winvalid-pch', '-fpch-preprocess', entry['file']):
                kept.append(argument)
        result[entry['file']] = (entry['directory'], kept)
    return result


def run_all(jobs, workers=2):
    """`jobs`: callables that return the text of their complaint, empty when clean. Prints the complaints as they come;
    returns their number. At the lowest priority: tests that wait for time to pass run beside it."""
    os.nice(19)
    complaints = 0
    with concurrent.futures.ThreadPoolExecutor(workers) as pool:
        for done in concurrent.futures.as_completed([pool.submit(job) for job in jobs]):
            if done.result():
                complaints += 1
                print(done.result(), flush=True)
    return complaints


def run(command, directory):
    """Output of a command that failed; empty when it did not."""
    done = subprocess.run(command, cwd=directory, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    return '' if done.returncode == 0 else f'$ {shlex.join(map(str, command))}\n{done.stdout}'


class CleanCache:
    """Remembers what was clean by a hash of all that was read: an unchanged file costs its preprocessing only."""

    def __init__(self, directory, salt):
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.salt = salt.encode()

    def key(self, *parts):
        digest = hashlib.sha256(self.salt)
        for part in parts:
            digest.update(part if isinstance(part, bytes) else part.encode())
            digest.update(b'\0')
        return self.directory / digest.hexdigest()
