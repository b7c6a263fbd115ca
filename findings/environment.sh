# For the scripts beside it, which source this: `packages` makes a temporary folder with a
# Python and what it is given, and sets $python. The folder goes when the script ends.
# It uses uv where that is installed, else venv and pip; PYTHON chooses an interpreter.
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python="$folder/venv/bin/python"
export OMP_NUM_THREADS=1

packages() {
  local base="${PYTHON:-python3}"
  if command -v uv > /dev/null; then
    uv venv -q --python "$base" "$folder/venv"
    uv pip install -q --python "$python" "$@"
  else
    "$base" -m venv "$folder/venv"
    "$python" -m pip install -q --disable-pip-version-check "$@"
  fi
}
