"""The switch that does not rest: while the block runs, the mode changes every few milliseconds."""
import collections
import http.client
import random
import urllib.parse

from .background import Background
from .proxy import PATIENCE

MODES = ('off', 'shadow', 'strict')
# Seconds for which a mode stays: from none, so that it changes while an answer is held, to more than a comparison takes.
STAYS = (0, 0.001, 0.003, 0.012)


class Flipping(Background):
    """`modes`: what it goes through, in random order, never twice the same. `mode`: which one it is in; `flips`: how often
    it has been set, by mode. At the end the modes are as configured."""

    def __init__(self, proxy, modes=MODES, stays=STAYS):
        super().__init__()
        self.proxy, self.modes, self.stays = proxy, modes, stays
        self.mode, self.flips = None, collections.Counter()
        self._address = urllib.parse.urlsplit(proxy.admin_url).netloc

    def __exit__(self, kind, *trace):
        super().__exit__(kind, *trace)
        if kind is None:
            self.set('configured')

    def count(self):
        return sum(self.flips.values())

    def set(self, mode):
        connection = http.client.HTTPConnection(self._address, timeout=10 * PATIENCE)
        try:
            connection.request('POST', '/-/mode', f'mode={mode}', {'X-Parallax-Admin': '1'})
            answer = connection.getresponse()
            text = answer.read().decode()
        finally:
            connection.close()
        if answer.status != 200:
            raise AssertionError(f'the switch was refused: {answer.status} {text}')

    def _work(self, end):
        while not end.is_set():
            self.mode = random.choice([each for each in self.modes if each != self.mode])
            self.set(self.mode)
            self.flips[self.mode] += 1
            end.wait(random.choice(self.stays))
