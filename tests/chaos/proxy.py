"""A TCP proxy whose link can be cut, frozen, slowed and pointed elsewhere while it runs.

One thread per direction of a connection; made for dozens of connections, not thousands. Data is
never altered: what arrives, arrives in order and whole.
"""
import contextlib
import socket
import threading

CHUNK = 64 * 1024
CONNECT_SECONDS_MAX = 5
LISTEN_QUEUE = 128


class Link:
    """Both directions of one proxied connection."""

    def __init__(self, proxy, client):
        self.proxy = proxy
        self.client = client
        self.server = socket.create_connection(proxy.target, CONNECT_SECONDS_MAX)
        self.server.settimeout(None)
        for end in (self.client, self.server):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for source, sink, way in ((client, self.server, "up"), (self.server, client, "down")):
            threading.Thread(target=self.pump, args=(source, sink, way), daemon=True).start()

    def pump(self, source, sink, way):
        with contextlib.suppress(OSError):
            while data := source.recv(CHUNK):
                self.proxy.hold(way)
                sink.sendall(data)
        self.close()

    def close(self):
        for end in (self.client, self.server):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
        self.proxy.forget(self)

    def reset(self):
        """An RST instead of an orderly end."""
        for end in (self.client, self.server):
            with contextlib.suppress(OSError):
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.close()


class Proxy:
    """Listens on a free loopback port and forwards to `target` (host, port)."""

    def __init__(self, target):
        self.target = target
        self.lock = threading.Condition()
        self.links = set()
        self.blocked = set()  # "up": towards the target, "down": back
        self.refusing = False
        self.delay_s = 0.0
        self.ended = False
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=LISTEN_QUEUE)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            if self.refusing:
                client.close()
                continue
            try:
                link = Link(self, client)
            except OSError:
                client.close()
                continue
            with self.lock:
                self.links.add(link)

    def hold(self, way):
        """Waits while this direction is blocked, and for the delay."""
        with self.lock:
            self.lock.wait_for(lambda: self.ended or way not in self.blocked)
            if self.delay_s > 0:
                self.lock.wait_for(lambda: self.ended, self.delay_s)

    def forget(self, link):
        with self.lock:
            self.links.discard(link)

    # --- faults ------------------------------------------------------------------------------

    def block(self, *ways):
        """Bytes of these directions stop arriving; the ends notice nothing but silence."""
        with self.lock:
            self.blocked = set(ways)
            self.lock.notify_all()

    def slow(self, delay_s):
        with self.lock:
            self.delay_s = delay_s

    def reset(self):
        """Ends every connection by force; new ones are taken."""
        with self.lock:
            links = list(self.links)
        for link in links:
            link.reset()

    def refuse(self):
        """As when nobody listens: what is connected ends, nothing new is taken."""
        self.refusing = True
        self.reset()

    def point_to(self, target):
        self.target = target
        self.reset()

    def heal(self):
        with self.lock:
            self.blocked = set()
            self.delay_s = 0.0
            self.lock.notify_all()
        self.refusing = False

    def close(self):
        self.refusing = True
        with self.lock:
            self.ended = True
            self.lock.notify_all()
        self.listener.close()
        self.reset()
