#!/bin/sh
# The recipes of harness/doc/ci.md, taken out of the page and run as they stand, in a repository of their own.
. tests/cli/lib.sh
if ! command -v git >/dev/null 2>&1; then
    pass "the recipes of ci.md # SKIP git is not installed"
    finish
fi
unset GIT_DIR GITHUB_SHA CI_COMMIT_SHA GIT_COMMIT 2>/dev/null || true
export GIT_AUTHOR_NAME=t GIT_AUTHOR_EMAIL=t@example.org GIT_COMMITTER_NAME=t GIT_COMMITTER_EMAIL=t@example.org
export GIT_CONFIG_NOSYSTEM=1 HOME="$tmp"
mkdir -p "$tmp/bin" "$tmp/repo/ci"
ln -s "$bitbench" "$tmp/bin/bitbench"
PATH="$tmp/bin:$PATH"
page=$root/harness/doc/ci.md

block() { # the fenced block of this language and name
    awk -v head="\`\`\`$1" '$0 == "```" { inside = 0 } inside { print } $0 == head { inside = 1 }' "$page"
}
steps() { # the shell of all `run: |` steps of a workflow, each as a file step.N
    awk -v out="$tmp/step." '
        { match($0, /^ */) }
        inside && RLENGTH < indent { inside = 0 }
        inside { print substr($0, indent + 1) > (out n) }
        /^ *run: \|$/ { n++; indent = RLENGTH + 2; inside = 1 }'
}

cd "$tmp/repo" || exit 1
git init -q -b main .
block "yaml accuracy" >ci/accuracy.yaml
block "sh bisect" >ci/bisect.sh
block "yaml workflow" | steps
expect 0 "" "the workflow has three steps to run" test -s "$tmp/step.1" -a -s "$tmp/step.2" -a -s "$tmp/step.3"
expect 0 "" "and about 25 lines" test "$(block "yaml workflow" | wc -l)" -le 28
bitbench -q models init 'R(1,1,1,1)x1' -o good.npz
bitbench -q models init 'R(1,1,1,1)x0.5' -o bad.npz
cp good.npz weights.npz
printf '*.h5.stale\ngood.npz\nbad.npz\nruns\n' >.gitignore
git add .gitignore weights.npz ci/bisect.sh && git commit -q -m "weights"
block "sh baseline" >"$tmp/baseline.sh"
expect 0 "1 file|2 files|changed" "the baseline" sh -e "$tmp/baseline.sh"
size=$(wc -c <ci/baseline.h5)
expect 0 "" "it is small: $size bytes" test "$size" -lt 130000

workflow() { rm -rf runs/now && sh -e "$tmp/step.1" && sh -e "$tmp/step.2" && GITHUB_SHA=0123 sh -e "$tmp/step.3"; }
echo "a comment" >>ci/notes && git add ci/notes && git commit -q -m "a comment"
expect 0 "pass: 0 of 2" "the workflow passes a commit that changes no number" workflow
expect 0 'failures="0"' "it leaves test cases" cat accuracy.xml
expect 0 "" "and a point of the history" test -s history/0123.h5
expect 0 " $(git rev-parse HEAD | cut -c 1-12) " "with the commit in it" bitbench history history
cp bad.npz weights.npz
expect 1 "FAIL: [12] of 2" "the workflow fails a commit that loses accuracy" workflow
expect 0 '<failure message=' "it says so in the test cases" cat accuracy.xml
git checkout -q weights.npz

# Seven commits, the fifth of which breaks the weights.
for i in 1 2 3 4 5 6 7; do
    echo "$i" >>ci/notes
    [ $i != 5 ] || cp bad.npz weights.npz
    [ $i != 3 ] || mv weights.npz elsewhere.npz # cannot be measured: to be skipped
    [ $i != 4 ] || mv elsewhere.npz weights.npz
    git add -A . && git commit -q -m "commit $i"
done
git bisect start HEAD HEAD~7 >/dev/null 2>&1
expect 0 "" "git bisect run" git bisect run sh ci/bisect.sh
expect 0 "commit 5" "finds the commit" sh -c "git log -1 --format=%s refs/bisect/bad"
finish
