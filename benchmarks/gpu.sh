#!/usr/bin/env bash
# Try mraf on a GPU without a network, within eight minutes, and print tables for docs/extraction.md.
#
#   benchmarks/gpu.sh [--wheels FOLDER] [--weights FOLDER] [--videos FOLDER] [--out FOLDER]
#                     [--python PYTHON] [--device cuda] [--seconds 480] [--dry-run]
#   benchmarks/gpu.sh wheels FOLDER [--python 3.12] [--have FILE] [--small]
#                     [--without NAME ...] [--torch 2.11.0]
#
# The machine needs Python and a PyTorch that can use its GPU; nothing replaces either. What else mraf
# needs is carried as wheels, which the second form fetches where there is a network (--have FILE: without
# the packages in the machine's `pip list`; --small: without those that only the comparison with a CPU
# needs; --without espeakng-loader: the machine gets --videos). They are installed into a folder below --out.
#
#   --weights   holds campplus_cn_en_common.pt, whose vectors can tell people apart; optional
#   --videos    clips in the place of sample videos made now
#   --dry-run   everything on the CPU with small sizes, to try the script itself
#
# A step that fails or takes too long does not stop the others; the end lists what failed.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1

PYTHON=python3 DEVICE=cuda SECONDS_IN_ALL=480 PATIENCE=1 OUT="" WHEELS="" WEIGHTS="" VIDEOS="" DRY=""
if [[ ${1:-} == wheels ]]; then
    shift
    [[ ! -x .venv/bin/python ]] || PYTHON=.venv/bin/python
    exec "$PYTHON" benchmarks/gpu_setup.py wheels "$@"
fi
while (($#)); do
    case $1 in
        --dry-run) DRY=yes DEVICE=cpu:0 PATIENCE=10 SECONDS_IN_ALL=3600; shift; continue ;;
        --wheels) WHEELS=${2:?} ;;
        --weights) WEIGHTS=${2:?} ;;
        --videos) VIDEOS=${2:?} ;;
        --out) OUT=${2:?} ;;
        --python) PYTHON=${2:?} ;;
        --device) DEVICE=${2:?} ;;
        --seconds) SECONDS_IN_ALL=${2:?} ;;
        *) sed -n '2,/^set/{/^#/s/^# \?//p}' "$0"; exit 2 ;;
    esac
    shift 2
done
OUT=${OUT:-$(mktemp -d)}
mkdir -p "$OUT"
SITE=$OUT/site
export MRAF_GRAPHS=$OUT/graphs MRAF_WEIGHTS=${WEIGHTS:-${MRAF_WEIGHTS:-}} PYTHONUNBUFFERED=1
export PYTHONPATH=$PWD:$SITE${PYTHONPATH:+:$PYTHONPATH}
[[ -n $MRAF_WEIGHTS ]] || unset MRAF_WEIGHTS

STEPS=() FAILED=() TABLES=()
# step NAME LIMIT COMMAND...: run a command for so many seconds at most, or what is left of the time.
step() {
    local name=$1 limit=$(($2 * PATIENCE)) began=$SECONDS code=0 result=ok
    local left=$((SECONDS_IN_ALL - SECONDS))
    shift 2
    local log=$OUT/${name// /-}.log
    ((limit <= left)) || limit=$left
    if ((limit < 5)); then
        code=124
        : >"$log"
    else
        echo "== $name (at most $limit s)" >&2
        timeout -k 5 "$limit" "$@" >"$log" 2>"$log.err" || code=$?
    fi
    if ((code == 124 || code == 137)); then result="out of time"; elif ((code)); then result="failed ($code)"; fi
    if ((code)); then
        FAILED+=("$name: $result; $(tail -n 1 "$log.err" 2>/dev/null)")
        tail -n 15 "$log" "$log.err" >&2
    fi
    STEPS+=("| $name | $((SECONDS - began)) | $result |")
    return "$code"
}
# table NAME LIMIT COMMAND...: a step whose output is part of the report.
table() {
    step "$@"
    TABLES+=("$OUT/${1// /-}.log")
}

if [[ -n $WHEELS ]]; then
    step install 120 "$PYTHON" benchmarks/gpu_setup.py install "$WHEELS" "$SITE"
fi
if ! step check 60 "$PYTHON" benchmarks/gpu_setup.py check ${WHEELS:+"$WHEELS"} --device "$DEVICE"; then
    cat "$OUT/check.log" "$OUT/check.log.err"
    exit 1
fi
cat "$OUT/check.log" >&2

if [[ -n $DRY ]]; then
    SAMPLE=(--speakers 2) TESTS=(-k "(cosine or any_array or halves) and cpu")
    GRID=(--at-once 1 2 --decoders 1 --workers 1 --clips 4 --copies 2 --rounds 1 --no-plain)
    NETWORKS=(--batches 1 2 --calls 1) TRAINING=(--device cpu "$DEVICE" --batch 8 --steps 2)
else
    SAMPLE=(--speakers 8) TESTS=(-m cuda)
    GRID=(--at-once 16 64 4 1 --decoders 4 8 1 --workers 2 --clips 32 --copies 8 --rounds 1 --no-plain)
    NETWORKS=() TRAINING=(--device cpu "$DEVICE" --threads "$(nproc)")
fi
if "$PYTHON" -c 'import openvino' 2>/dev/null; then CPU=(); else CPU=(--no-cpu); fi
if [[ -z $VIDEOS ]]; then
    VIDEOS=$OUT/videos
    step "sample videos" 90 "$PYTHON" -m mraf sample "$VIDEOS" "${SAMPLE[@]}"
fi
mapfile -t FILES < <(grep -rlE 'torch_device|mark\.cuda' tests --include='test_*.py')
step tests 150 "$PYTHON" -m pytest -q --continue-on-collection-errors -o cache_dir="$OUT/pytest" "${TESTS[@]}" "${FILES[@]}"
table networks 60 "$PYTHON" benchmarks/gpu_networks.py --device "$DEVICE" "${NETWORKS[@]}"
table training 45 "$PYTHON" benchmarks/train.py "${TRAINING[@]}"
table profile 90 "$PYTHON" benchmarks/profile_extract.py "$VIDEOS" --clips 2 --device "$DEVICE"
# Last, with all the time that is left: the first ways of its grid say most.
table extraction 600 "$PYTHON" benchmarks/extract.py "$VIDEOS" --device "$DEVICE" "${GRID[@]}" \
    "${CPU[@]}" --seconds $((SECONDS_IN_ALL - SECONDS - 45))

{
    printf '| step | seconds | result |\n|---|---|---|\n'
    printf '%s\n' "${STEPS[@]}"
    printf '\ntests: %s\n' "$(tail -n 1 "$OUT/tests.log")"
    for log in "${TABLES[@]}"; do printf '\n'; cat "$log"; done
    if ((${#FAILED[@]})); then printf '\nfailed:\n\n'; printf -- '- %s\n' "${FAILED[@]}"; fi
} | tee "$OUT/report.md"
echo "report and logs: $OUT" >&2
((${#FAILED[@]} == 0))
