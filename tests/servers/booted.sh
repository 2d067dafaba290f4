#!/bin/bash
# booted.sh FOLDER: boots a systemd of our own, whose root is this machine's below a layer that goes with it. It has
# processes, mounts and control groups of its own, and the machine's network, so that servers on loopback are in reach.
# FOLDER/pid says which process it is, FOLDER/group where its control groups are.
set -eu
folder=$1

if [ "${2:-}" != inside ]; then
    group=$(findmnt --noheadings --types cgroup2 --output TARGET | head -n 1)/disclosed-test-$$
    mkdir "$group"
    echo "$group" >"$folder/group"
    echo $$ >"$group/cgroup.procs"
    exec unshare --mount --propagation private --pid --fork --kill-child --ipc --uts --cgroup \
        "$BASH" "$0" "$folder" inside
fi

# /proc is still that of outside, and so is the number.
read -r pid _ </proc/self/stat
root=$folder/root
mkdir "$folder/layer" "$root"
mount -t tmpfs tmpfs "$folder/layer"
mkdir "$folder/layer/upper" "$folder/layer/work"
mount -t overlay -o "lowerdir=/,upperdir=$folder/layer/upper,workdir=$folder/layer/work" overlay "$root"
mount -t proc proc "$root/proc"
# What is the kernel's is everybody's: it is looked at only.
mount --bind "$root/proc/sys" "$root/proc/sys"
mount -o remount,bind,ro "$root/proc/sys"
mount -t sysfs -o ro sysfs "$root/sys"
mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
mount -t tmpfs tmpfs "$root/run"
mount -t tmpfs tmpfs "$root/tmp"
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
for device in null zero full random urandom tty; do
    touch "$root/dev/$device"
    mount --bind "/dev/$device" "$root/dev/$device"
done
mkdir "$root/dev/shm" "$root/dev/pts"
mount -t devpts -o newinstance,ptmxmode=0666 devpts "$root/dev/pts"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
# Nobody's disclosed is there yet, and no index of all man pages is made anew for two.
rm -rf "$root/var/lib/man-db/auto-update" "$root"/{etc,var/lib,var/lib/private,var/backups}/disclosed "$root"/etc/credstore "$root"/usr/bin/disclosed \
    "$root"/{etc,usr/lib}/systemd/system/disclosed*
: >"$root/etc/fstab"
: >"$root/etc/machine-id"
echo "$pid" >"$folder/pid"
cd "$root"
pivot_root . mnt
umount --lazy /mnt
# Credentials come to a unit as a mount that is passed on.
mount --make-rshared /
# Up to there and no further: of the machine's own services none starts.
exec env -i container=disclosed-test PATH=/usr/sbin:/usr/bin:/sbin:/bin \
    setpriv --bounding-set -sys_time,-sys_module,-sys_rawio /lib/systemd/systemd --unit=sysinit.target
