#!/bin/sh
# Entry of the container: places the models where they are missing, then becomes the command.
set -e
cd /opt/ragstone
case "$1 $2" in
"ragstone serve" | "ragstone backend") python -m scripts.place_models ;;
esac
exec "$@"
