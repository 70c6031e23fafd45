"""Runs the tables and writes their goldens or compares with them; `run` and `generate` call it.

usage: check.py generate|compare COMMAND [-v] [-f] [-t TABLE] [PATTERN]
COMMAND (one word list, as for a shell) runs a Python program: '/usr/bin/python3' or './saddle run'.
"""
import concurrent.futures
import glob
import os
import re
import shlex
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import cases
from cases import HERE

SECONDS = 120  # for one table
CRASHES = 20   # restarts of one table before the rest is given up
EPSILON = {"f16": 2**-10, "bf16": 2**-7, "f32": 2**-23, "c64": 2**-23, "f64": 2**-52, "c128": 2**-52,
           "float": 2**-52, "c32": 2**-10}
REFUSED = "(refused)"  # what PyTorch 1.13 does not compute and later versions do: not compared
LATER = re.compile(r"^RuntimeError: .*not implemented for '(Half|BFloat16|ComplexHalf)'$")
NUMBER = re.compile(r"^-?(\d+\.?\d*(e[-+]?\d+)?|inf|nan)j?$")


# ---- running -----------------------------------------------------------------------------------------
def run_table(command, name, table, pattern):
    """What each case gives, by its number. A case that ends the program is called a crash."""
    said, first, crashes = {}, 0, 0
    wanted = [i for i, case in enumerate(table) if cases.matches(pattern, case.id)]
    while wanted and first <= wanted[-1]:
        arguments = command + [os.path.join(HERE, "driver.py"), path_of(name), str(first), pattern]
        try:
            done = subprocess.run(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=SECONDS)
            output, ending = done.stdout, f"exit status {done.returncode}: {last_line(done.stderr)}"
            if done.returncode == 0:
                first = len(table)
        except subprocess.TimeoutExpired as e:
            output, ending = e.stdout or b"", f"no end within {SECONDS} s"
        for line in output.decode("utf-8").split("\n")[:-1]:
            number, _, text = line.partition("\t")
            said[int(number)] = text
        left = [i for i in wanted if i >= first and i not in said]
        if not left or crashes == CRASHES:
            break
        said[left[0]] = "(crash) " + ending
        first, crashes = left[0] + 1, crashes + 1
    return said


def last_line(text):
    return (text.decode("utf-8", "replace").strip().split("\n") or [""])[-1]


def path_of(name, ending="cases"):
    return os.path.join(HERE, "tables", f"{name}.{ending}")


def run_tables(command, names, pattern):
    """(name, cases, what they gave) of each table; as many at a time as there are processors."""
    tables = {name: cases.read_table(path_of(name)) for name in names}
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        runs = {name: pool.submit(run_table, command, name, tables[name], pattern) for name in names}
        return [(name, tables[name], runs[name].result()) for name in names]


# ---- goldens -----------------------------------------------------------------------------------------
def write_golden(name, table, said):
    lines, last = [], None
    for i, case in enumerate(table):
        if case.text != last:
            lines.append(case.text)
            last = case.text
        lines.append(f" {case.binding} > {said[i]}")
    with open(path_of(name, "golden"), "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")


def read_golden(name):
    golden, text = {}, None
    with open(path_of(name, "golden"), encoding="utf-8") as file:
        for line in file.read().split("\n"):
            if line.startswith(" "):
                binding, _, said = line[1:].partition(" > ")
                golden[f"{text} | {binding}"] = said
            else:
                text = line
    return golden


def generate(command, names):
    failed = 0
    for name, table, said in run_tables(command, names, ""):
        again = run_table(command, name, table, "")
        for i, case in enumerate(table):
            if said[i] != again[i] or said[i].startswith("("):
                print(f"{name}: {case.id}\n    {said[i]}\n    {again[i]}")
                failed += 1
        write_golden(name, table, {i: LATER.sub(REFUSED, text) for i, text in said.items()})
        print(f"{name}: {len(table)} cases")
    return failed == 0


# ---- comparing ---------------------------------------------------------------------------------------
def runs_of(words):
    """Cuts words into (kind, words): numbers behind a tensor's description are a run of its dtype."""
    runs, kind = [], ""
    for word in words:
        if NUMBER.match(word) and kind:
            if runs and runs[-1][0] == kind:
                runs[-1][1].append(word)
            else:
                runs.append((kind, [word]))
            continue
        if word != "..":
            kind = re.split(r"[\[]", word)[0]
            kind = kind if kind in EPSILON else ""
        runs.append(("", [word]))
    return runs


def same_numbers(kind, expected, got, ulps, loose):
    if len(expected) != len(got):
        return False
    a, b = ([float(w.rstrip("j")) for w in words] for words in (expected, got))
    largest = max([abs(x) for x in a if abs(x) < float("inf")], default=0.0)
    for i, (x, y) in enumerate(zip(a, b)):
        if expected[i].lstrip("-") == got[i].lstrip("-") and (loose or expected[i] == got[i]):
            if expected[i] == got[i] or x == y:
                continue
        scale = largest if loose or kind.startswith("c") else abs(x)
        if not abs(x - y) <= ulps * EPSILON[kind] * scale or (x == y == 0 and not loose):
            return False
    return True


def same(expected, got, options):
    if expected == got:
        return True
    loose, ulps = "loose" in options, float(options.get("loose") or options.get("ulps") or 4)
    a, b = runs_of(expected.split(" ")), runs_of(got.split(" "))
    if [kind for kind, _ in a] != [kind for kind, _ in b]:
        return False
    return all(same_numbers(kind, x, y, ulps, loose) if kind else x == y
               for (kind, x), (_, y) in zip(a, b))


def read_known():
    """The lines of known.txt: (table, pattern)."""
    with open(os.path.join(HERE, "known.txt"), encoding="utf-8") as file:
        lines = [line.split("  #")[0].strip() for line in file]
    return [tuple(line.split(None, 1)) for line in lines if line and not line.startswith("#")]


def forget_known(lines):
    """Takes lines out of known.txt that no longer name a difference."""
    path = os.path.join(HERE, "known.txt")
    with open(path, encoding="utf-8") as file:
        kept = [line for line in file
                if tuple(line.split("  #")[0].strip().split(None, 1)) not in lines]
    with open(path, "w", encoding="utf-8") as file:
        file.writelines(kept)


def report(state, case, expected, got):
    print(f"{state} {case.id}\n    PyTorch: {expected}\n    Saddle:  {got}")


def compare(command, names, pattern, verbose, forget):
    known = [k for k in read_known() if k[0] in names]
    used, passed, failed, later = set(), 0, 0, 0
    for name, table, said in run_tables(command, names, pattern):
        golden = read_golden(name) if os.path.exists(path_of(name, "golden")) else {}
        for i, case in enumerate(table):
            if not cases.matches(pattern, case.id):
                continue
            expected, got = golden.get(case.id, "(no golden: run generate)"), said.get(i, "(not run)")
            if expected == REFUSED and not got.startswith("("):
                continue
            if same(expected, got, case.options):
                passed += 1
                continue
            matching = [k for k in known if k[0] == name and cases.matches(k[1], case.id)]
            used.update(matching)
            if matching:
                later += 1
            else:
                failed += 1
            if verbose or not matching:
                report("not yet" if matching else "FAILED", case, expected, got)
    past = [one for one in known if one not in used and not pattern]
    if forget:
        forget_known(past)
    for one in past:
        if not forget:
            print(f"FAILED known.txt: '{' '.join(one)}' names no case that differs: take the line out")
            failed += 1
    if later:
        print(f"{later} not yet")
    print(f"{passed} passed, {failed} failed")
    return failed == 0


def main(mode, command, *arguments):
    arguments = list(arguments)
    verbose = "-v" in arguments and not arguments.remove("-v")
    forget = "-f" in arguments and not arguments.remove("-f")
    names = sorted(os.path.basename(p)[:-6] for p in glob.glob(path_of("*")))
    if "-t" in arguments:
        at = arguments.index("-t")
        names = arguments[at + 1].split(",")
        del arguments[at:at + 2]
    command = shlex.split(command)
    if mode == "generate":
        return generate(command, names)
    return compare(command, names, " ".join(arguments), verbose, forget)


sys.exit(not main(*sys.argv[1:]))
