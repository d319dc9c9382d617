"""Certificates for a test: an authority and what it signed, made by the openssl program."""
import os
import pathlib
import shutil
import subprocess


def openssl(*arguments, given=None):
    done = subprocess.run(['openssl', *map(str, arguments)], input=given, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          check=False)
    if done.returncode != 0:
        raise RuntimeError(f'openssl {arguments[0]}: {done.stdout}')


class Authority:
    """Signs certificates into `directory`; `self.root` is what clients trust."""

    def __init__(self, directory):
        self.directory = pathlib.Path(directory)
        self.root, self._key = self.directory / 'ca.pem', self.directory / 'ca.key'
        openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', 30, '-subj', '/CN=test authority',
                '-keyout', self._key, '-out', self.root)

    def issue(self, name, names='DNS:localhost,IP:127.0.0.1', owner=None):
        """(certificate, key): files named after `name`. As root, the key belongs to the account `owner`."""
        certificate, key, request, extensions = (self.directory / f'{name}.{end}' for end in ('crt', 'key', 'csr', 'ext'))
        extensions.write_text(f'subjectAltName = {names}\n')
        openssl('req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj', f'/CN={name}', '-keyout', key, '-out', request)
        openssl('x509', '-req', '-sha256', '-in', request, '-CA', self.root, '-CAkey', self._key, '-CAcreateserial', '-days', 30,
                '-extfile', extensions, '-out', certificate)
        os.chmod(key, 0o600)
        if owner and os.geteuid() == 0:
            shutil.chown(key, owner, owner)
        return certificate, key
