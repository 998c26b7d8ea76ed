#!/bin/sh
# Process 1 of a world: makes its mounts and its network, runs the supervisor, and reaps what containers leave to it,
# which Node would not. When it ends, the kernel ends all that runs in the world.
# Usage: init.sh DATA NAME ADDRESS NODE SUPERVISOR [CGROUP_V1_HIERARCHY ...]
set -eu
data=$1 name=$2 address=$3 node=$4 supervisor=$5
shift 5

set_up_cgroups() {
  if [ $# -eq 0 ]; then
    mount -t cgroup2 -o nosuid,nodev,noexec cgroup2 /sys/fs/cgroup
    for controller in $(cat /sys/fs/cgroup/cgroup.controllers); do
      # Some cannot be handed on (rdma, misc); the kubelet says which one it misses.
      echo "+$controller" >/sys/fs/cgroup/cgroup.subtree_control || true
    done
    return
  fi
  mount -t tmpfs -o mode=755 tmpfs /sys/fs/cgroup
  for hierarchy; do
    folder=/sys/fs/cgroup/${hierarchy#none,name=}
    mkdir "$folder"
    mount -t cgroup -o "$hierarchy" cgroup "$folder"
    case $hierarchy in *name=*) continue ;; esac
    for controller in $(echo "$hierarchy" | tr , ' '); do
      [ -e "/sys/fs/cgroup/$controller" ] || ln -s "$hierarchy" "/sys/fs/cgroup/$controller"
    done
  done
}

# A setting that is the whole machine's: the kubelet finds the value it wants and would write into a file of ours.
pretend() {
  mkdir -p /run/berth/sysctl
  file=/run/berth/sysctl/$(echo "$1" | tr / -)
  echo "$2" >"$file"
  mount --bind "$file" "/proc/sys/$1"
}

set_up() {
  echo "$name" >/proc/sys/kernel/hostname
  # The machine's /sys shows its network devices and its cgroups, and a mount above would still list the ones below.
  umount -R -l /sys
  mount -t sysfs -o nosuid,nodev,noexec sysfs /sys
  set_up_cgroups "$@"
  mount -t tmpfs -o mode=755 tmpfs /run
  mount --bind "$data/node/lib" /var/lib
  mount --bind "$data/node/log" /var/log
  resolver=$(readlink -f /etc/resolv.conf || true)
  case $resolver in /run/*) mkdir -p "${resolver%/*}" && touch "$resolver" ;; esac
  [ ! -f "$resolver" ] || mount --bind "$data/node/resolv.conf" "$resolver"
  pretend vm/overcommit_memory 1
  pretend vm/panic_on_oom 0
  pretend kernel/panic 10
  pretend kernel/panic_on_oops 1
  pretend kernel/keys/root_maxkeys 1000000
  pretend kernel/keys/root_maxbytes 25000000
  # Whatever else wants to write on the machine's disk is refused.
  mount --bind "$data" "$data"
  mount -o remount,bind,ro /
  # Containers see the mounts that the kubelet makes for them.
  mount --make-rshared /

  ip link set lo up
  ip link add eth0 type veth peer name eth0-peer
  ip link set eth0 up
  ip link set eth0-peer up
  ip address add "$address/24" dev eth0
  # Services are rewritten on their way out, so there has to be a way out. Behind it is nobody, who says so quickly.
  ip route add default dev eth0
  echo 1 >/proc/sys/net/ipv4/neigh/eth0/mcast_solicit
  echo 100 >/proc/sys/net/ipv4/neigh/eth0/retrans_time_ms
  echo 1 >/proc/sys/net/ipv4/ip_forward
}

# Standard output belongs to the supervisor's reports.
set_up "$@" >&2
# A shell gives background jobs no standard input of their own.
exec 3<&0
"$node" "$supervisor" "$data/node" <&3 3<&- &
exec 3<&- 0</dev/null
wait $!
