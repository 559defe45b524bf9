#!/bin/sh
# Makes the manual page: the template with the sections that the program itself knows filled in.
# Usage: manual.sh PROGRAM VERSION < bitbench.1.in
set -eu
program=$1 version=$2
while IFS= read -r line; do
    case $line in
    @OPTIONS@) "$program" help --man ;;
    @KNOBS@) "$program" help --knobs ;;
    @PRESETS@) "$program" help --presets ;;
    *@VERSION@*) printf '%s\n' "$line" | sed "s/@VERSION@/$version/" ;;
    *) printf '%s\n' "$line" ;;
    esac
done
