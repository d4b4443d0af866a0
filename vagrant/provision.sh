#!/usr/bin/env bash
# provision.sh: makes a virtual machine of the lab what /tmp/twinspan-machine.tar says (npm run lab -- machines), as root.
# It may run again at any time, also after it was cut off: what is there is left or replaced as a whole.
set -euo pipefail
export DEBIAN_FRONTEND=noninteractive LC_ALL=C

OWN=/usr/local/lib/twinspan-lab
TAR=${1:-/tmp/twinspan-machine.tar}
PACKAGE_FILE=${2:-/tmp/twinspan.tar.gz}

die() {
  printf 'provision.sh: %s\n' "$*" >&2
  exit 1
}

[ "$(id -u)" = 0 ] || die "this needs root."
# shellcheck disable=SC1091 # of the machine
[ "$(. /etc/os-release && echo "${ID:-}")" = debian ] || die "this box is not Debian: set TWINSPAN_BOX to one that is, such as debian/bookworm64."
[ -f "$TAR" ] || [ -f "$OWN/machine" ] || die "there is no $TAR: was it prepared with npm run lab -- machines?"

running() { [ -d /run/systemd/system ]; }

if [ -f "$TAR" ]; then
  rm -rf "$OWN.new"
  mkdir -p "$OWN.new"
  tar --extract --file "$TAR" --directory "$OWN.new" --no-same-owner || die "$TAR is damaged: prepare it again."
  rm -rf "$OWN"
  mv -T "$OWN.new" "$OWN"
fi
# shellcheck disable=SC1091 # NAME, PROGRAMS, PACKAGE
. "$OWN/machine"

# ———— Debian packages ————

packages=(iproute2 nftables iperf3 tcpdump iputils-ping curl procps)
for program in $PROGRAMS; do
  case $program in
    mariadb) packages+=(mariadb-server) ;;
    redis) packages+=(redis-server) ;;
    sftp) packages+=(openssh-server) ;;
    app-server) packages+=(mariadb-client openssh-client) ;;
    moto) packages+=(python3 python3-venv) ;;
  esac
done
missing=()
for package in "${packages[@]}"; do
  dpkg-query --show --showformat '${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed || missing+=("$package")
done
if [ "${#missing[@]}" -gt 0 ]; then
  echo "Debian packages: ${missing[*]}"
  dpkg --configure -a >/dev/null
  apt-get update -q >/dev/null || die "apt-get update failed: does the machine reach a Debian mirror?"
  apt-get install -q -y --no-install-recommends --fix-broken "${missing[@]}" >/tmp/twinspan-apt.log 2>&1 ||
    { tail -n 20 /tmp/twinspan-apt.log >&2 && die "these packages cannot be installed: ${missing[*]}"; }
fi

# ———— name and network ————

echo "$NAME" >/etc/hostname
running && hostname "$NAME"
touch /etc/hosts
sed -i '/# twinspan-lab$/d' /etc/hosts
sed 's/$/ # twinspan-lab/' "$OWN/hosts" >>/etc/hosts

cat >/etc/systemd/system/twinspan-lab-network.service <<END
[Unit]
Description=network cards of the lab
After=systemd-udevd.service
Before=network.target twinspan.service

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=$OWN/network

[Install]
WantedBy=multi-user.target
END

# start UNIT: now where systemd runs, and at every boot. One that runs is restarted: its files may have changed.
start() {
  systemctl enable --quiet "$1" 2>/dev/null
  running || return 0
  systemctl daemon-reload
  systemctl restart "$1" && return
  journalctl -u "$1" -n 5 -o cat >&2
  die "$1 does not start: see above."
}
start twinspan-lab-network

# ———— programs ————

mariadb_here() {
  cat >/etc/mysql/mariadb.conf.d/90-twinspan-lab.cnf <<'END'
[mariadbd]
bind-address=0.0.0.0
skip-name-resolve
performance-schema=off
innodb-buffer-pool-size=16M
max-connections=50
END
  # Users come with the first start, and with every other.
  cat >/etc/mysql/twinspan-lab.sql <<'END'
CREATE DATABASE IF NOT EXISTS lab;
CREATE USER IF NOT EXISTS 'lab'@'%' IDENTIFIED BY 'lab';
GRANT ALL ON lab.* TO 'lab'@'%';
END
  echo 'init-file=/etc/mysql/twinspan-lab.sql' >>/etc/mysql/mariadb.conf.d/90-twinspan-lab.cnf
  start mariadb
}

redis_here() {
  cat >/etc/redis/redis.conf <<'END'
bind 0.0.0.0
port 6379
protected-mode no
daemonize no
supervised systemd
dir /var/lib/redis
save ""
appendonly yes
appendfsync no
maxmemory 32mb
END
  chown redis:redis /etc/redis/redis.conf
  start redis-server
}

# Passwords, since the clients of this lab are people: user lab, password lab, files only.
sftp_here() {
  id lab >/dev/null 2>&1 || useradd --create-home --shell /usr/sbin/nologin lab
  echo lab:lab | chpasswd
  cat >/etc/ssh/sshd_config.d/twinspan-lab.conf <<'END'
Match User lab
  PasswordAuthentication yes
  ForceCommand internal-sftp
END
  mkdir -p /run/sshd
  /usr/sbin/sshd -t || die "sshd refuses its configuration."
  start ssh
}

moto_here() {
  /opt/twinspan/current/scripts/setup-moto || die "the EC2 API cannot be installed: does the machine reach a Python package index?"
}

if [ "$PACKAGE" = yes ]; then
  [ -f "$PACKAGE_FILE" ] || [ -x /opt/twinspan/current/install ] || die "there is no $PACKAGE_FILE."
  if [ -f "$PACKAGE_FILE" ]; then
    rm -rf /tmp/twinspan-package
    mkdir /tmp/twinspan-package
    tar --extract --file "$PACKAGE_FILE" --directory /tmp/twinspan-package --strip-components 1 --no-same-owner ||
      die "$PACKAGE_FILE is damaged: prepare it again."
    /tmp/twinspan-package/install --no-start
    rm -rf /tmp/twinspan-package
  fi
fi
for program in $PROGRAMS; do
  case $program in
    mariadb) mariadb_here ;;
    redis) redis_here ;;
    sftp) sftp_here ;;
    moto) moto_here ;;
  esac
done
for unit in "$OWN"/units/*.service; do
  [ -e "$unit" ] || continue
  install -m 644 "$unit" /etc/systemd/system/
  start "$(basename "$unit" .service)"
done
if [ -d "$OWN/node" ]; then
  install -m 644 "$OWN/node/node.yaml" "$OWN/node/network.yaml" /etc/twinspan/
  install -m 600 "$OWN/node/private.key" /etc/twinspan/
  [ ! -e "$OWN/node/environment" ] || install -m 600 "$OWN/node/environment" /etc/twinspan/
  twinspan validate --config /etc/twinspan/node.yaml >/dev/null || die "the configuration is refused."
  start twinspan
fi
echo "$NAME is ready."
