# SPDX-License-Identifier: MIT
# igt_runner's results.json to lines: name, result, seconds, what the test, or of a pass
# that the kernel complained about the kernel, said about it. A parent whose dynamic subtests have results of their own is not counted beside them.
def kernel_said:
  [(.dmesg // "") | scan("<[0-4]> [^\n]*")] | map(sub("^<.> \\[ *[0-9.]+\\] "; "")) | .[0] // "";
def test_said:
  [((.out // "") + "\n" + (.err // "")) | scan("(?:Test requirement: |Failed assertion: |Received signal |SKIP: )[^\n]*")]
  | map(sub("^Test requirement: "; "requires ")) | .[0] // "";
def said: if .result == "dmesg-warn" then kernel_said else test_said end;
# igt_runner says "warn" of a pass that left anything on standard error, and cuts pieces of other
# subtests' lines into it: only what IGT marks as a warning makes one here.
def result:
  if .result == "warn" and ((.err // "") | test("WARNING|CRITICAL|ERROR") | not) then "pass" else .result end;
[.tests | to_entries[]
   | .key as $k
   | {name: ($k | sub("^igt@"; "")), result: ((.value | result) // "notrun"),
      seconds: ((.value.time.end // 0) - (.value.time.start // 0)), said: (.value | said)}]
| group_by(.name | split("@")[0:2] | join("@"))
| map(if length > 1 then map(select(.name | split("@") | length > 2)) else . end) | add
| .[] | [.name, .result, (.seconds * 10 | round / 10), (.said | gsub("\\s+"; " ") | .[0:160])] | @tsv
