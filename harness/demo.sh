#!/bin/sh
# make demo: few-shot accuracy and a linear probe on Fashion-MNIST for three models, then a report and
# plots. Usage: demo.sh PROGRAM. Resumes when interrupted.
set -eu
program=$1
out=${DEMO_DIR:-runs/demo}
suites=$(dirname "$0")/../protocols/suites
start=$(date +%s)
echo "Few-shot: 1, 5, 10, 25 shots x 5 draws, ridge on frozen features; all 10,000 test images"
"$program" run "$suites/demo-fewshot.yaml" -o "$out/fewshot" >/dev/null
echo "Linear probe: logistic regression on the first 2,000 training images"
"$program" run "$suites/demo-linear.yaml" -o "$out/linear" >/dev/null
"$program" -q report "$out/fewshot" "$out/linear" -o "$out/report.html" --force
"$program" -q plot "$out/fewshot" -o "$out/fewshot.svg" --force
"$program" -q plot "$out/linear" -o "$out/linear.svg" --force
"$program" report "$out/fewshot" "$out/linear"
cat <<END

Done in $(($(date +%s) - start)) s. Look at
  $out/report.html   tables and plots on one page
  $out/fewshot.svg   accuracy against shots, every draw a point
  $out/linear.svg    the linear probe
END
