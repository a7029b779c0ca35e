# The lines that benchmarks print (bench.h), slurped, into one object: medians, spreads, and ratios to
# the best of the others, with verdicts on targets. A ratio is that of times in one round, ours divided
# by the other's; its spread is the interquartile range divided by the median. Above `limit` there is
# none, and no verdict on it. A case of another unit than nanoseconds has `unit`, and its values are called
# ns all the same; with `more` the best is the largest, and the targets are min_ratio and min_value.
def limit: 0.25;
def quantile($q): sort | . as $s | (($s | length) - 1) * $q | . as $at | ($at | floor) as $i
    | $s[$i] + (($s[$i + 1] // $s[$i]) - $s[$i]) * ($at - $i);
def stats: {median: quantile(0.5), q1: quantile(0.25), q3: quantile(0.75)}
    | .spread = (if .median > 0 then (.q3 - .q1) / .median else 0 end);

# Met and missed only where three quarters of the rounds say so.
def verdict($s; $most): if $most == 0 then null
    elif $s.q3 <= $most then "met" elif $s.q1 > $most then "missed" else "undecided" end;
def verdict_least($s; $least): if $s.q1 >= $least then "met" elif $s.q3 < $least then "missed" else "undecided" end;
def verdicts_ratio($head; $ratio):
    if $head.min_ratio > 0 then if $ratio then verdict_least($ratio; $head.min_ratio) else "undecided" end
    elif $ratio then verdict($ratio; $head.max_ratio)
    elif $head.max_ratio > 0 then "undecided" else null end;

def way($lines): {way: $lines[0].way, ns: ($lines | map(.ns) | stats), samples: ($lines | map(.ns))};

def against($ours; $other):
    [range(0; $ours.samples | length) | [$ours.samples[.], $other.samples[.]]]
    | if any(.[]; .[1] == 0 and .[0] != 0) then null
    else map(if .[1] == 0 then 1 else .[0] / .[1] end) | stats end; # none beside none is equal

def one_case($head; $lines; $counted):
    ($lines | map(select(.ns)) | group_by(.way) | map(way(.))) as $ways
    | ($ways[] | select(.way == $head.ours)) as $ours
    | ([$ways[] | select(.way != $head.ours)]
        | if $head.more then max_by(.ns.median) else min_by(.ns.median) end) as $best
    | (if $best then against($ours; $best) else null end) as $ratio
    | ($counted | map(.instructions) | first) as $instructions
    | $head + {ways: ([$ours] + ([$ways[] | select(.way != $head.ours)] | sort_by(.ns.median)))}
    | .best = ($best.way // null)
    | .ratio = (if $ratio and $ratio.spread <= limit then $ratio else null end)
    | .ratio_spread = ($ratio.spread // null)
    | .instructions = $instructions
    | .verdicts = {
        ratio: verdicts_ratio($head; .ratio),
        ns: (if $head.min_value > 0 then verdict_least($ours.ns; $head.min_value)
             else verdict($ours.ns; $head.max_ns) end),
        instructions: (if $head.max_instructions == 0 then null
            elif $instructions == null then "undecided"
            elif $instructions <= $head.max_instructions then "met" else "missed" end)};

. as $all
| {date: $date, rounds: $rounds, quick: $quick, counter: $counter,
   machine: {processor: $cpu, processors: ($processors | tonumber), kernel: $kernel, virtual: $virtual}}
| .cases = [$all[] | select(.ours) | ({unit: "ns", more: false, min_ratio: 0, min_value: 0} + .) as $head
    | [$all[] | select(.bench == $head.bench and .case == $head.case and (.ours | not))] as $lines
    | one_case($head; $lines | map(select(.way)); $lines | map(select(.instructions)))]
