"""The process that runs WebAssembly instances for one sandbox slot. Executed as a file; needs only `wasmtime`.

Frames of JSON come on standard input and go to standard output: one program each, in an instance of its own, under a
limit of CPU time and memory. What blocks for good is ended from outside, by killing this process.
"""

from __future__ import annotations

import base64
import json
import os
import sys
import tempfile
import threading
import time
from typing import Any

TICK_S = 0.005
OWN_MIB = 96  # memory of an instance before its program has any
LARGEST = (1 << 32) - (1 << 16)
STACK_BYTES = 2000 << 10
EXITED = "Exited with i32 exit status "


class Host:
    """One component, ready to be instantiated."""

    def __init__(self, compiled: str) -> None:
        import wasmtime
        from wasmtime import component

        self.wasmtime: Any = wasmtime
        self.engine: Any = wasmtime.Engine(config(wasmtime))
        self.component: Any = component.Component.deserialize_file(self.engine, compiled)
        self.linker: Any = component.Linker(self.engine)
        self.linker.add_wasip2()

    def run(self, request: dict[str, Any], stdin_file: str) -> dict[str, Any]:
        store = self.wasmtime.Store(self.engine)
        wasi = self.wasmtime.WasiConfig()
        streams: dict[str, bytearray] = {"out": bytearray(), "err": bytearray()}
        ended: list[str] = []

        def end(why: str) -> None:
            if not ended:
                ended.append(why)
            self.engine.increment_epoch()

        def take(stream: bytearray, data: Any) -> int:
            room = request["output_bytes"] - len(streams["out"]) - len(streams["err"])
            stream += bytes(data)[: max(0, room)]
            if len(data) > room:
                end("output_limit")
            return len(data)

        wasi.stdout_custom = lambda data: take(streams["out"], data)
        wasi.stderr_custom = lambda data: take(streams["err"], data)
        wasi.stdin_file = stdin_file
        store.set_wasi(wasi)
        store.set_limits(memory_size=min(LARGEST, (OWN_MIB << 20) + request["memory_bytes"]))
        store.set_epoch_deadline(1)
        instance = self.linker.instantiate(store, self.component)
        run = instance.get_func(store, "run")
        start, wall = time.process_time(), time.monotonic()
        done = threading.Event()

        def watch() -> None:
            owner = os.getppid()
            while not done.wait(TICK_S):
                if os.getppid() != owner:
                    os._exit(1)
                if time.process_time() - start > request["cpu_s"]:
                    end("timeout")

        watcher = threading.Thread(target=watch, daemon=True)
        watcher.start()
        code: int | None = None
        try:
            code = run(store, request["source"], request["argv"])
        except self.wasmtime.ExitTrap as e:
            code = int(str(e).rpartition(EXITED)[2].split()[0]) if EXITED in str(e) else 1
        except self.wasmtime.WasmtimeError as e:
            streams["err"] += f"\n{str(e).rpartition('Caused by:')[2].strip()}\n".encode()
        finally:
            done.set()
            watcher.join()
            store.close()
        cpu_s = time.process_time() - start
        if not ended and cpu_s > request["cpu_s"]:
            ended.append("timeout")
        return {
            "ended": ended[0] if ended else "",
            "code": code,
            "cpu_s": cpu_s,
            "wall_s": time.monotonic() - wall,
            **{name: base64.b64encode(data).decode() for name, data in streams.items()},
        }


def config(wasmtime: Any) -> Any:
    """The same for compiling and for running, or the compiled component does not load."""
    made = wasmtime.Config()
    made.epoch_interruption = True
    made.max_wasm_stack = STACK_BYTES
    return made


def compile_component(source: str, to: str) -> None:
    import wasmtime
    from wasmtime import component

    made = component.Component.from_file(wasmtime.Engine(config(wasmtime)), source)
    with open(to, "wb") as f:  # noqa: PTH123
        f.write(made.serialize())


def main() -> None:
    if len(sys.argv) == 3:
        compile_component(*sys.argv[1:])
        return
    requests = os.fdopen(os.dup(0), "rb")
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    host = Host(sys.argv[1])
    with tempfile.TemporaryDirectory(prefix="rlar-wasm-") as folder:
        stdin_file = os.path.join(folder, "stdin")  # noqa: PTH118
        send(replies, {"ready": True})
        while head := requests.read(4):
            request = json.loads(requests.read(int.from_bytes(head, "little")))
            with open(stdin_file, "wb") as f:  # noqa: PTH123
                f.write(base64.b64decode(request["stdin"]))
            send(replies, host.run(request, stdin_file))


def send(to: Any, message: dict[str, Any]) -> None:
    body = json.dumps(message).encode()
    to.write(len(body).to_bytes(4, "little") + body)
    to.flush()


if __name__ == "__main__":
    main()
