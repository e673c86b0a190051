#!/usr/bin/env bash
# An environment in which openmm-torch works, for tests/engines/test_openmm_torch.py: about 7 GB, three minutes.
#
#     tests/engines/openmm_torch_env.sh [FOLDER]     default: $FUSIONMD_OPENMMTORCH, else ~/.cache/fusionmd/openmmtorch
#
# openmmtorch 1.5 is built against torch 2.9.1 with CUDA 12.8 (it also runs without a GPU) and fits no other torch.
# The folder outlives the checkout; the tests put their own sources before those it was made with.
set -euo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
folder="${1:-${FUSIONMD_OPENMMTORCH:-${FUSIONMD_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/fusionmd}/openmmtorch}}"
if [ -e "$folder/.installed" ]; then
    echo "$folder is there already"
    exit 0
fi
"${PYTHON:-python3}" -m venv --clear "$folder"
"$folder/bin/python" -m pip install -qq "torch==2.9.1"
"$folder/bin/python" -m pip install -qq "torch==2.9.1" "openmm>=8.6.1" "openmmtorch==1.5" -e "$root"
echo "*" >"$folder/.gitignore"
touch "$folder/.installed"
