"""``huiying serve`` as a process: one a directory, its pages, its ports, and how it ends."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from huiying.lock import announced
from tests.huiying.shell import json_of, run
from tests.servers.telegram import PlayedTelegram


class Served:
    """``huiying serve`` as a process of its own."""

    def __init__(self, data: Path, *arguments: str, **environment: str) -> None:
        command = [sys.executable, "-m", "huiying.cli", "serve", "--data", str(data), *arguments]
        self.process = subprocess.Popen(
            command, stderr=subprocess.PIPE, text=True, env={**os.environ, **environment}
        )

    def __enter__(self) -> "Served":
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()

    def until_ready(self) -> str:
        """Return the line that says where it listens."""
        assert self.process.stderr is not None
        for line in self.process.stderr:
            if line.startswith("Huiying is ready"):
                return line
        raise AssertionError("it ended before it was ready")

    def ended(self) -> tuple[int, str]:
        """Return exit code and the last line it said."""
        _, err = self.process.communicate(timeout=60)
        assert "Traceback" not in err, err
        lines = [line for line in err.splitlines() if not line.startswith("{")]
        return self.process.returncode, lines[-1] if lines else ""


def test_a_second_server_is_refused_and_the_first_stops_in_order(tmp_path: Path) -> None:
    with Served(tmp_path, "--port", "0") as first:
        assert "http://127.0.0.1:" in first.until_ready()
        with Served(tmp_path, "--port", "0") as second:
            code, said = second.ended()
        assert code == 1
        assert "Another Huiying already serves" in said
        assert json_of(run("report", "--data", str(tmp_path), "--json"))
        added = json_of(run("official", "add", "一号窗口", "--data", str(tmp_path), "--json"))
        assert added["link"].startswith(announced(tmp_path) + "/desk/sign-in?code=")
        assert httpx.get(announced(tmp_path) + "/", trust_env=False).status_code == 200
        first.process.send_signal(signal.SIGTERM)
        assert first.ended()[0] == 0


def test_a_closed_page_stays_closed(tmp_path: Path) -> None:
    with Served(tmp_path, "--port", "0", HUIYING_WEB__ENABLED="false") as closed:
        closed.until_ready()
        assert httpx.get(announced(tmp_path) + "/", trust_env=False).status_code == 404


@pytest.mark.parametrize("port", ["99999", "-1"])
@pytest.mark.parametrize("command", ["serve", "demo"])
def test_a_port_that_does_not_exist_is_bad_input(command: str, port: str) -> None:
    result = run(command, "--port", port)
    assert result.exit_code == 2
    assert "Traceback" not in result.output


def test_a_port_in_use_is_said(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with Served(tmp_path, "--port", str(port)) as served:
            code, said = served.ended()
    assert code == 1
    assert f"Port {port}" in said
    assert "--port" in said


async def test_a_wrong_token_is_said(tmp_path: Path) -> None:
    async with PlayedTelegram() as tg:
        environment = {
            "HUIYING_TELEGRAM__API_BASE_URL": tg.api_base_url,
            "HUIYING_TELEGRAM__TOKEN": "123456789:" + "wrong-token" * 4,
        }
        with Served(tmp_path, "--port", "0", **environment) as served:
            code, said = await asyncio.to_thread(served.ended)
    assert code == 2
    assert "Telegram refuses the bot token" in said
    assert "wrong-token" not in said
