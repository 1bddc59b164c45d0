"""Memory of idle customers: N logged-in IMAP sessions in IDLE, over TLS or in clear, through the proxy.
bench/run idle [N] [tls]. Prints the memory of proxy and store before and with them, an octet count a customer."""
import asyncio
import pathlib
import resource
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "tests"))
from lab import Platform  # noqa: E402

N = int(sys.argv[1]) if len(sys.argv) > 1 else 10000
TLS = "tls" in sys.argv[2:]


def pss(pids):
    """Octets of memory, pages shared with others counted in part."""
    total = 0
    for pid in pids:
        for line in open(f"/proc/{pid}/smaps_rollup"):
            if line.startswith("Pss:"):
                total += int(line.split()[1]) * 1024
    return total


async def customer(platform, context, n, ready, stop):
    port = platform.port("imaps" if context else "imap")
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
    await reader.readline()
    user = ("ana", "bruno")[n % 2]
    writer.write(f"a LOGIN {user} {user}-secret\r\nb SELECT INBOX\r\nc IDLE\r\n".encode())
    while not (await reader.readline()).startswith(b"+"):
        pass
    ready.append(n)
    await stop.wait()
    writer.close()


async def run(platform):
    stop, ready = asyncio.Event(), []
    context = platform.tls if TLS else None
    roles = {r: platform.role_pid(r) for r in ("proxy", "store")}
    before = {r: pss(p) for r, p in roles.items()}
    tasks = []
    started = time.monotonic()
    for n in range(N):
        tasks.append(asyncio.create_task(customer(platform, context, n, ready, stop)))
        while len(tasks) - len(ready) > 100:
            await asyncio.sleep(0.01)
            for t in tasks:
                if t.done():
                    t.result()
    while len(ready) < N:
        await asyncio.sleep(0.05)
    took = time.monotonic() - started
    await asyncio.sleep(6)  # idle stacks are trimmed after two seconds
    print(f"customers: {N}, {'TLS' if TLS else 'in clear'}, logged in at {N / took:.0f} a second")
    for r, pids in roles.items():
        now = pss(pids)
        print(f"{r}: {before[r] / 1e6:.1f} MB before, {now / 1e6:.1f} MB with them, {(now - before[r]) / N / 1024:.1f} KiB a customer")
    stop.set()
    await asyncio.gather(*tasks, return_exceptions=True)


resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
p = Platform("proxy: { default_domain = \"demo.test\"; plain_in_clear = true; };")
try:
    p.start()
    p.send("ana@demo.test")
    asyncio.run(run(p))
    p.stop()
finally:
    p.remove()
