#!/bin/sh
# Finds a Python that is new enough and hands over to scripts/setup.py. `PYTHON=... make setup` names one.
cd "$(dirname "$0")/.." || exit 1
seen=""
for candidate in "$PYTHON" python3 python3.13 python3.12 python3.11 python3.14 python; do
    [ -n "$candidate" ] || continue
    version=$("$candidate" -c 'import sys; print("%d.%d.%d" % sys.version_info[:3])' 2>/dev/null) || continue
    if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
        exec "$candidate" -m scripts.setup
    fi
    seen="$seen $candidate is $version;"
done
cat >&2 <<EOF
Ragstone needs Python 3.11 or newer, and none was found here (${seen:-no Python at all}).
Install one:  Debian or Ubuntu: sudo apt install python3 python3-venv    Fedora: sudo dnf install python3
              macOS: brew install python                               or: pyenv install 3.13
then say \`make setup\` again. If it has another name: make setup PYTHON=/path/to/python3
EOF
exit 1
