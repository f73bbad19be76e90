"""After the faults: everything heals by itself, nothing is left over, nothing has leaked, and no server met a bug."""

from tests.faults.evidence import Evidence, Finding, Sql, finding
from tests.faults.weather import HEALTHY_SECONDS_MAX

POOL_SIZE = 10
TASKS_MORE_MAX = 3  # one that is just at work
FILES_MORE_MAX = 40  # pools that have grown to their bound
ENDLESS_KEYS = {"swaploop:presence:here", "swaploop:marks:unwritten"}  # each one set, whose members go by themselves


async def check(evidence: Evidence, _sql: Sql) -> list[Finding]:
    well = evidence.wellbeing
    processes = len(well.idle_after)
    recoveries = evidence.weather.recoveries
    slow = [f"not within {HEALTHY_SECONDS_MAX:.0f} s: {well.unwell}" for seconds in recoveries if seconds is None]
    took = f"at most {max((seconds for seconds in recoveries if seconds is not None), default=0):.1f} s"
    tasks_before = max(gauges["swaploop_tasks"] for gauges in well.idle_before.values())
    tasks = [
        f"{process}: {gauges['swaploop_tasks']:.0f} tasks, {tasks_before:.0f} at the beginning"
        for process, gauges in well.idle_after.items()
        if gauges["swaploop_tasks"] > tasks_before + TASKS_MORE_MAX
    ]
    files_before = max(gauges.get("process_open_fds", 0) for gauges in well.idle_before.values())
    files = [
        f"{process}: {gauges['process_open_fds']:.0f} files and connections, {files_before:.0f} at the beginning"
        for process, gauges in well.idle_after.items()
        if gauges.get("process_open_fds", 0) > files_before + FILES_MORE_MAX
    ]
    total = sum(count for _, count in well.connections)
    if total > POOL_SIZE * processes:
        files.append(f"{total} connections to PostgreSQL from {processes} processes")
    files += [f"{count} connections {state}" for state, count in well.connections if state not in ("idle", "active")]
    if well.channels > processes:
        files.append(f"{well.channels} channels are listened to, by {processes} processes that nobody is at")
    keys = [key for key in well.endless_keys if key not in ENDLESS_KEYS]
    orphans = finding("workers die with who looks after them", well.orphaned, well.outliving, seldom=True)
    return [
        *([orphans] if well.has_workers else []),
        finding("every server is ready again within 30 s, by itself", len(recoveries), slow, took),
        finding("nothing is left to be delivered, mailed, expired or matched", well.settled_of, well.settled),
        finding("no task has leaked", processes, tasks),
        finding("no connection, file or subscription has leaked", processes, files),
        finding("every key in Redis ends by itself", well.keys, keys),
        finding("no server met a bug", well.log_lines, well.bugs, "lines of their logs"),
    ]
