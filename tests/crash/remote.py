"""The double of a warehouse, in the memory of the test, for flushers in other processes: a kill between a call and its answer is
then what it is with a real one."""

from __future__ import annotations

import sys
import threading
from multiprocessing.connection import Client, Connection, Listener
from typing import Any, Self

from activity_mcp.warehouse import Batch
from activity_mcp.warehouse.memory import MemoryWarehouse
from patience import PATIENCE_S


class WarehouseServer:
    """Serves ``warehouse`` on a socket at ``path``, one thread for each client."""

    def __init__(self, path: str, warehouse: MemoryWarehouse) -> None:
        self.path = path
        self._warehouse = warehouse
        self._listener = Listener(path, "AF_UNIX")
        self._thread = threading.Thread(target=self._accept, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *raised: object) -> None:
        with Client(self.path, "AF_UNIX"):  # wakes the thread, which finds the listener closed afterwards
            self._listener.close()
        self._thread.join(PATIENCE_S)

    def _accept(self) -> None:
        while True:
            try:
                client = self._listener.accept()
            except (OSError, EOFError):
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: Connection) -> None:
        with client:
            while True:
                try:
                    method, arguments = client.recv()
                    answer: tuple[Exception | None, Any]
                    try:
                        answer = (None, getattr(self._warehouse, method)(*arguments))
                    except Exception as error:
                        answer = (error, None)
                    client.send(answer)
                except (EOFError, OSError):
                    return


class RemoteWarehouse:
    """A ``Sink`` in another process."""

    batch_weight = sys.maxsize

    def __init__(self, path: str) -> None:
        self._server = Client(path, "AF_UNIX")

    def committed(self, channel_id: str) -> str | None:
        return self._ask("committed", channel_id)

    def highest_offset(self, channel_id: str) -> str | None:
        return self._ask("highest_offset", channel_id)

    def append(self, batch: Batch) -> None:
        self._ask("append", batch)

    def fold(self) -> Any:
        return self._ask("fold")

    def left_out(self, channel_id: str) -> Any:
        return self._ask("left_out", channel_id)

    def release(self) -> None:
        pass

    def close(self) -> None:
        self._server.close()

    def _ask(self, method: str, *arguments: Any) -> Any:
        self._server.send((method, arguments))
        error, answer = self._server.recv()
        if error is not None:
            raise error
        return answer
