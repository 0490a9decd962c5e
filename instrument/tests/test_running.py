"""Whole processes: started, forked, spawned, killed, and ended."""

import os
import signal
import subprocess
import sys
import threading
import time

import pytest

import wire
from conftest import SOURCES, calls
from receiver import receiver


def test_a_script_and_what_it_imports_are_counted(run, tmp_path):
    with receiver() as (url, kept):
        done = run(
            "import sys, shop\ndef main():\n    print(__name__, __file__, sys.argv, shop.Basket().total())\n"
            "if __name__ == '__main__':\n    main()\n",
            arguments=("x", "-y"),
            url=url,
        )
    assert done.err == ""
    assert done.out == f"__main__ {tmp_path / 'app.py'} ['app.py', 'x', '-y'] 3\n"
    assert calls(kept) == {"__main__.main": 1, "shop.Basket.total": 1, "shop.add": 1}
    told = wire.resource(kept[0][1])
    assert told["service.name"] == "shop"
    assert told["service.instance.id"]


def test_a_module_a_command_and_a_child_are_counted(run):
    with receiver() as (url, kept):
        run("import shop\nshop.add(1, 2)\n", url=url, command=[sys.executable, "-m", "app"])
        run("", url=url, command=[sys.executable, "-c", "import shop; shop.add(1, 2)"])
        run(
            "import subprocess, sys, shop\nsubprocess.run([sys.executable, '-c', 'import shop; shop.add(1,1)'])\n",
            url=url,
        )
    assert calls(kept) == {"shop.add": 3}


def test_the_import_starts_it(tmp_path, run):
    with receiver() as (url, kept):
        run(
            "import ktlo_instrument.auto, shop\nshop.add(1, 2)\n",
            url=url,
            command=["env", sys.executable, "app.py"],
        )
    assert calls(kept) == {"shop.add": 1}


def test_only_named_packages_are_counted_when_some_are_named(run):
    with receiver() as (url, kept):
        run(
            "import shop, colorsys\nshop.add(1, 2); colorsys.rgb_to_hsv(1, 1, 1)\n",
            "--packages",
            "colorsys",
            url=url,
        )
    assert calls(kept) == {"colorsys.rgb_to_hsv": 1}


def test_a_function_can_be_left_out(run):
    with receiver() as (url, kept):
        run("import shop\nshop.Basket().total()\n", "--exclude", "shop.add", url=url)
    assert calls(kept) == {"shop.Basket.total": 1}


def test_an_error_ends_the_script_as_it_would_without(run, tmp_path):
    text = "def f():\n    raise SystemError('x')\nf()\n"
    with receiver() as (url, kept):
        done = run(text, url=url)
    plain = subprocess.run([sys.executable, "app.py"], cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.err) == (plain.returncode, plain.stderr)
    assert run("import sys\nsys.exit(7)\n").returncode == 7
    assert calls(kept) == {"__main__.f": 1}


def test_without_ktlo_the_application_ends_and_silently(run):
    done = run("import shop\nprint(shop.add(1, 2))\n", url="http://127.0.0.1:9")
    assert (done.out, done.err, done.returncode) == ("3\n", "", 0)


def test_a_server_that_never_answers_does_not_hold_the_exit(run):
    asked, ended = threading.Event(), threading.Event()

    def silent(handler):
        asked.set()
        ended.wait()
        return True

    with receiver(silent) as (url, _):
        try:
            done = run("import shop\nprint(shop.add(1, 2))\n", url=url)
        finally:
            ended.set()
    assert asked.is_set()
    assert (done.out, done.err, done.returncode) == ("3\n", "", 0)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_after_a_fork_each_process_tells_its_own(run):
    with receiver() as (url, kept):
        done = run(
            "import os, sys, shop\nfor _ in range(5): shop.add(1, 2)\n"
            "pid = os.fork()\nif pid == 0:\n    for _ in range(3): shop.add(1, 2)\n    sys.exit(0)\n"
            "os.waitpid(pid, 0)\n",
            url=url,
        )
    assert done.err == ""
    by_process = {}
    for path, body, _ in kept:
        if path == "/v1/metrics":
            told = wire.resource(body)
            by_process[told["service.instance.id"]] = calls([(path, body, None)])
    assert sorted(each["shop.add"] for each in by_process.values()) == [3, 5]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_fork_in_the_middle_of_busy_threads_goes_on(run):
    with receiver() as (url, kept):
        done = run(
            "import os, sys, threading, time, shop\nstop = False\n"
            "def busy():\n    while not stop: shop.add(1, 2)\n"
            "threads = [threading.Thread(target=busy) for _ in range(3)]\n[t.start() for t in threads]\n"
            "for _ in range(10):\n    pid = os.fork()\n    if pid == 0:\n"
            "        for _ in range(7): shop.Basket().total()\n        sys.exit(0)\n"
            "    assert os.waitpid(pid, 0)[1] == 0\n"
            "stop = True\n[t.join() for t in threads]\n",
            url=url,
            environment={"KTLO_INSTRUMENT_INTERVAL": "0.1", "PYTHONWARNINGS": "ignore"},
        )
    assert (done.returncode, done.err) == (0, "")
    assert calls(kept)["shop.Basket.total"] == 70


def test_children_of_multiprocessing_are_counted(run):
    with receiver() as (url, kept):
        done = run(
            "import multiprocessing, shop\ndef work(n): return shop.add(n, 1)\n"
            "if __name__ == '__main__':\n    multiprocessing.set_start_method('spawn')\n"
            "    with multiprocessing.Pool(1) as pool:\n        print(pool.map(work, [1, 2]))\n"
            "        pool.close(); pool.join()\n",
            url=url,
            environment={"KTLO_INSTRUMENT_INTERVAL": "0.2"},
        )
    assert (done.out, done.err) == ("[2, 3]\n", "")
    assert calls(kept).get("shop.add", 0) == 2


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
def test_killed_it_loses_no_more_than_since_the_last_fold(run, tmp_path):
    with receiver() as (url, kept):
        process = run(
            "import os, time, shop\nfor _ in range(5): shop.add(1, 2)\nprint('ready', flush=True)\n"
            "while not os.path.exists('folded'): time.sleep(0.02)\n"
            "for _ in range(3): shop.add(1, 2)\nprint('now', flush=True)\ntime.sleep(120)\n",
            url=url,
            wait=False,
            environment={"KTLO_INSTRUMENT_INTERVAL": "0.5"},
        )
        assert process.stdout.readline() == "ready\n"
        end = time.monotonic() + 60
        while calls(kept) != {"shop.add": 5} and time.monotonic() < end:
            time.sleep(0.02)
        (tmp_path / "folded").touch()
        assert process.stdout.readline() == "now\n"
        process.send_signal(signal.SIGKILL)
        process.communicate()
    assert calls(kept)["shop.add"] in (5, 8)


def test_the_sitecustomize_that_was_there_still_runs(run, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    (other / "sitecustomize.py").write_text("import builtins\nbuiltins.theirs = 5\n")
    done = run("print(theirs)\n", environment={"PYTHONPATH": os.pathsep.join([str(SOURCES), str(other)])})
    assert done.out == "5\n"


def test_wrong_settings_are_told_and_stop_nothing(run):
    done = run(
        "import shop\nprint(shop.add(1, 2))\n",
        environment={"KTLO_INSTRUMENT_SAMPLE": "often", "KTLO_INSTRUMENT_COLOUR": "red"},
    )
    assert done.out == "3\n"
    assert "sample cannot be 'often'" in done.err
    assert "there is no setting 'colour'" in done.err


def test_a_file_says_what_the_environment_does_not(run, tmp_path):
    (tmp_path / "pyproject.toml").write_text('[tool.ktlo-instrument]\nexclude = ["shop.add"]\nsample = 7\n')
    (tmp_path / "ktlo-instrument.toml").write_text("sample = 8\n")
    done = run(
        "import ktlo_instrument as k\ns = k.current().settings\nprint(s.exclude, s.sample, s.interval)\n",
        environment={"KTLO_INSTRUMENT_INTERVAL": "3"},
    )
    if sys.version_info >= (3, 11):
        assert done.out == "('shop.add',) 8 3.0\n"


def test_rules_are_picked_up_while_it_runs(run):
    def answer(handler):
        if "rules" not in handler.path:
            return False
        body = b'{"quiet": ["shop.add"]}'
        handler.send_response(200)
        handler.send_header("content-length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)
        return True

    with receiver(answer) as (url, kept):
        run(
            "import time, shop, ktlo_instrument as k\nfor _ in range(1200):\n    time.sleep(0.05)\n"
            "    if k.current().settings.quiet: break\nshop.Basket().total()\n",
            "--rules",
            url,
            url=url,
        )
    told = [
        each["code.function.name"]
        for path, body, _ in kept
        if path == "/v1/logs"
        for each in wire.logs(body)
        if each["event"] == "ktlo.function.call"
    ]
    assert "shop.Basket.total" in told
    assert "shop.add" not in told


def test_two_versions_at_once_are_told_apart(run, tmp_path):
    with receiver() as (url, kept):
        for version in ("1.0", "2.0"):
            run(
                "import shop\nshop.add(1, 2)\n",
                url=url,
                environment={"OTEL_RESOURCE_ATTRIBUTES": f"service.version={version}"},
            )
    versions = {wire.resource(body)["service.version"] for path, body, _ in kept}
    assert versions == {"1.0", "2.0"}


def test_the_commit_is_the_version_when_nothing_else_is_said(tmp_path):
    from ktlo_instrument.resource import resource

    commit = "a" * 40
    (tmp_path / ".git" / "refs" / "heads").mkdir(parents=True)
    (tmp_path / ".git" / "HEAD").write_text("ref: refs/heads/main\n")
    (tmp_path / ".git" / "packed-refs").write_text(f"# pack-refs\n{commit} refs/heads/main\n")
    (tmp_path / "deep").mkdir()
    assert resource({}, tmp_path / "deep")["service.version"] == commit
    (tmp_path / ".git" / "refs" / "heads" / "main").write_text("b" * 40 + "\n")
    assert resource({}, tmp_path)["service.version"] == "b" * 40
    assert (
        resource({"OTEL_RESOURCE_ATTRIBUTES": "service.version=3%2E1"}, tmp_path)["service.version"] == "3.1"
    )


def test_the_applications_own_chance_is_not_touched(run):
    done = run(
        "import random, shop, ktlo_instrument as k\nrandom.seed(1)\nstate = random.getstate()\nshop.add(1, 2)\n"
        "k.flush(0.2)\nk.flush(0.2)\nprint(random.getstate() == state)\n"
    )
    assert done.out == "True\n"
