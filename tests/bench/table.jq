# A summary as a table for a terminal.
def pad($n): . + (" " * ([0, $n - length] | max));
def num: if . == null then "-" elif . >= 1000 then (. | round | tostring)
    elif . >= 10 then ((. * 10 | round) / 10 | tostring) else ((. * 1000 | round) / 1000 | tostring) end;
def percent: ((. * 100 | round) | tostring) + " %";
def targets: [(.verdicts.ratio | select(.) | "ratio " + .), (.unit as $u | .verdicts.ns | select(.) | (if $u == "ns" then "time " else $u + " " end) + .),
    (.verdicts.instructions | select(.) | "instructions " + .)] | join(", ");
("benchmark: case" | pad(42)) + ("way" | pad(20)) + ("ns each" | pad(10)) + ("spread" | pad(8)) + "ours / best other",
(.cases[] | . as $c | .ways | to_entries[] | . as $e
    | ((if .key == 0 then $c.bench + ": " + $c.case + " (" + $c.piece + (if $c.unit == "ns" then "" else ", in " + $c.unit end) + ")" else "" end) | pad(42))
    + (.value.way | pad(20)) + (.value.ns.median | num | pad(10)) + (.value.ns.spread | percent | pad(8))
    + (if .key > 0 then ""
       else ([(if $c.ratio then ($c.ratio.median | num) + " ± " + ($c.ratio_spread | percent)
               elif $c.best == null then empty
               else "none: it spreads over " + ($c.ratio_spread // 0 | percent) end),
              ($c.instructions | select(.) | num + " instructions"), ($c | targets | select(. != ""))] | join("; "))
       end))
