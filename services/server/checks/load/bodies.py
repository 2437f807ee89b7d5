#!/usr/bin/env python3
"""Measures the memory that the server takes while strangers send it large bodies.

usage: bodies.py PROGRAM [--most MIB] [OPTION ...]

510 clients behind a trusted proxy send a body of 512 KiB with 9,990 fields each, in chunks of one byte or of 16 KiB, and
keep the last byte back. Then all send it at once. Meanwhile a small call is answered. `--most` fails if the process ever
took more. Further options go to the server. It needs Python alone, and takes half a minute.
"""

import argparse
import asyncio
import resource
import tempfile

CLIENTS = 510
BODY = 512 * 1024
FIELDS = 9_990
SMALL = b"action=GetClients&limitnum=0&identifier=D4j1dKYE3g40VROOPCGyJ9zRwP0ADJIv&secret=F1CKGXRIpylMfsrig3mwwdSdYUdLiFlo"


def body():
    """Fields of names and values, of BODY bytes together."""
    field = BODY // FIELDS - 1
    fields = "&".join(f"f{number:04}=".ljust(field, "x") for number in range(FIELDS))
    return fields.ljust(BODY, "x").encode()


def head(client, *fields):
    lines = ["POST /includes/api.php HTTP/1.1", "Host: x", "Connection: close", f"X-Forwarded-For: 10.0.{client // 250}.{client % 250}"]
    return "\r\n".join([*lines, "Content-Type: application/x-www-form-urlencoded", *fields, "", ""]).encode()


async def send(port, client, sent, chunk):
    """Sends all but the last byte, and then the last byte once all clients have come so far."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        whole = body()
        if chunk == 1:
            # Four KiB as chunks of one byte are 24 KiB, so a part of the body is enough to see what each costs.
            writer.write(head(client, "Transfer-Encoding: chunked"))
            for start in range(0, BODY // 8, 4096):
                writer.write(b"".join(b"1\r\n%c\r\n" % byte for byte in whole[start : start + 4096]))
                await writer.drain()
            end = b"0\r\n\r\n"
        else:
            writer.write(head(client, f"Content-Length: {BODY}"))
            for start in range(0, BODY - 1, chunk):
                writer.write(whole[start : min(start + chunk, BODY - 1)])
                await writer.drain()
            end = whole[-1:]
        await sent.wait()
        writer.write(end)
        return (await reader.read()).split(b" ", 2)[1].decode()
    except (ConnectionError, IndexError):
        return "closed"
    finally:
        writer.close()


async def call(port):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(head(CLIENTS, f"Content-Length: {len(SMALL)}") + SMALL)
    status = (await reader.read()).split(b" ", 2)[1].decode()
    writer.close()
    return status


def memory(process):
    """Resident MiB now, and the most so far."""
    fields = dict(line.split(":", 1) for line in open(f"/proc/{process.pid}/status") if ":" in line)
    return [int(fields[name].split()[0]) // 1024 for name in ("VmRSS", "VmHWM")]


async def measure(program, options, chunk):
    with tempfile.TemporaryDirectory() as folder:
        command = [program, "--listen", "127.0.0.1:0", "--operator-listen", "127.0.0.1:0", "--database", f"sqlite:{folder}/whmcs.db"]
        command += ["--trust-proxy", "127.0.0.1", "--allow-ip", "10.0.0.0/8", *options]
        process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL)
        try:
            port = int((await process.stdout.readline()).split()[-1].rpartition(b":")[2])
            await call(port)
            before, _ = memory(process)
            sent = asyncio.Event()
            clients = [asyncio.create_task(send(port, client, sent, chunk)) for client in range(CLIENTS)]
            await asyncio.sleep(5)
            small = await call(port)
            sent.set()
            statuses = await asyncio.gather(*clients)
            after, most = memory(process)
        finally:
            process.kill()
            await process.wait()
    counts = {status: statuses.count(status) for status in sorted(set(statuses))}
    print(f"chunks of {chunk} bytes: {before} MiB before, {most} MiB at most, {after} MiB after; a small call: {small}; answers: {counts}", flush=True)
    if small != "200":
        raise SystemExit("a small call was not answered beside large bodies")
    return most


def main():
    arguments = argparse.ArgumentParser(usage=__doc__.split("usage: ")[1].split("\n")[0])
    arguments.add_argument("program")
    arguments.add_argument("--most", type=int)
    chosen, options = arguments.parse_known_args()
    resource.setrlimit(resource.RLIMIT_NOFILE, (4096, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    for chunk in (16 * 1024, 1):
        most = asyncio.run(measure(chosen.program, options, chunk))
        if chosen.most is not None and most > chosen.most:
            raise SystemExit(f"the server took {most} MiB, more than {chosen.most}")


if __name__ == "__main__":
    main()
