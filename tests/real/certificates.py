"""A throw-away certificate authority by the openssl command, for servers on the loopback."""

import os
import shutil
import subprocess


def available():
    return shutil.which('openssl') is not None


class Authority:
    """Writes NAME.pem and NAME.key into its folder; `file` is what clients must trust."""

    def __init__(self, folder, name='authority'):
        self.folder, self.name = folder, name
        self.file = self.path('pem')
        self.openssl(
            'req',
            '-x509',
            '-newkey',
            'ec',
            '-pkeyopt',
            'ec_paramgen_curve:P-256',
            '-nodes',
            '-days',
            '2',
            '-subj',
            '/CN=imgring test ' + name,
            '-keyout',
            self.path('key'),
            '-out',
            self.file,
            '-addext',
            'basicConstraints=critical,CA:TRUE',
            '-addext',
            'keyUsage=critical,keyCertSign',
        )

    def path(self, suffix, name=None):
        return os.path.join(self.folder, '%s.%s' % (name or self.name, suffix))

    @staticmethod
    def openssl(*arguments):
        done = subprocess.run(['openssl', *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode:
            raise RuntimeError('openssl %s: %s' % (arguments[0], done.stdout[-500:]))

    def server(self, name, names='DNS:localhost,DNS:*.localhost,IP:127.0.0.1', expired=False):
        """(certificate, key) for these names; an expired one ended long ago."""
        request, extensions = self.path('csr', name), self.path('ext', name)
        certificate, key = self.path('pem', name), self.path('key', name)
        with open(extensions, 'w') as file:
            file.write('subjectAltName=%s\nextendedKeyUsage=serverAuth\n' % names)
        self.openssl(
            'req',
            '-newkey',
            'ec',
            '-pkeyopt',
            'ec_paramgen_curve:P-256',
            '-nodes',
            '-subj',
            '/CN=' + name,
            '-keyout',
            key,
            '-out',
            request,
        )
        if expired:
            self.sign_expired(request, extensions, certificate)
        else:
            self.openssl(
                'x509',
                '-req',
                '-in',
                request,
                '-CA',
                self.file,
                '-CAkey',
                self.path('key'),
                '-CAcreateserial',
                '-days',
                '2',
                '-extfile',
                extensions,
                '-out',
                certificate,
            )
        return certificate, key

    def sign_expired(self, request, extensions, certificate):
        """`openssl ca` is the one command of OpenSSL 3.0 that takes an end in the past."""
        folder = self.path('ca')
        os.makedirs(folder)
        with open(os.path.join(folder, 'index.txt'), 'w'):
            pass
        config = os.path.join(folder, 'config')
        with open(config, 'w') as file:
            file.write(
                '[ca]\ndefault_ca=own\n[own]\ndatabase=%s/index.txt\nnew_certs_dir=%s\nrand_serial=yes\n'
                'default_md=sha256\npolicy=any\n[any]\ncommonName=supplied\n' % (folder, folder)
            )
        self.openssl(
            'ca',
            '-batch',
            '-notext',
            '-config',
            config,
            '-cert',
            self.file,
            '-keyfile',
            self.path('key'),
            '-in',
            request,
            '-out',
            certificate,
            '-extfile',
            extensions,
            '-startdate',
            '20200101000000Z',
            '-enddate',
            '20200201000000Z',
        )

    def self_signed(self, name):
        certificate, key = self.path('pem', name), self.path('key', name)
        self.openssl(
            'req',
            '-x509',
            '-newkey',
            'ec',
            '-pkeyopt',
            'ec_paramgen_curve:P-256',
            '-nodes',
            '-days',
            '2',
            '-subj',
            '/CN=localhost',
            '-addext',
            'subjectAltName=DNS:localhost,IP:127.0.0.1',
            '-keyout',
            key,
            '-out',
            certificate,
        )
        return certificate, key
