#!/usr/bin/env bash
# Installs what specs need to run Redis, RabbitMQ and Kafka as processes: only what is missing, with apt-get.
set -euo pipefail

has() { command -v "$1" >/dev/null; }

java_version() { java -version 2>&1 | sed -n 's/.*version "\([0-9]*\).*/\1/p' | head -n 1; }

missing=()
has redis-server && has redis-cli || missing+=(redis-server)
[ -x /usr/lib/rabbitmq/bin/rabbitmq-server ] || has rabbitmq-server || missing+=(rabbitmq-server)
has setpriv && has flock || missing+=(util-linux)
java=
has java && [ "$(java_version)" -ge 17 ] || java=missing
has mvn || missing+=(maven)
[ -z "$java" ] && [ ${#missing[@]} -eq 0 ] && exit 0

if ! has apt-get; then
  echo "no apt-get here: install ${missing[*]} ${java:+and a Java runtime, 17 or later,} yourself" >&2
  exit 1
fi

as_root=()
[ "$(id -u)" -eq 0 ] || ! has sudo || as_root=(sudo)
apt() { "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 -q "$@"; }

install() {
  apt update || return
  local packages=("${missing[@]}")
  if [ -n "$java" ]; then
    # Debian 12 and Ubuntu have 17; later releases of Debian have only later ones.
    if apt-cache show openjdk-17-jre-headless >/dev/null 2>&1; then
      packages+=(openjdk-17-jre-headless)
    else
      packages+=(default-jre-headless)
    fi
  fi
  apt install -y --no-install-recommends "${packages[@]}"
}

install || { sleep 5 && install; }
