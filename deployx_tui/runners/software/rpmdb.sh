# RPM's database, for the kinds dnf, yum, zypper and rpm. Nobody is asked (-y, --non-interactive); configuration files
# that somebody changed stay, the new ones lie beside them as .rpmnew: that is RPM's own rule.

dx_rpm_version() {
  command -v rpm >/dev/null 2>&1 || { dx_fail "rpm is not here"; return 1; }
  dx_v=$(rpm -q --qf '%|EPOCH?{%{EPOCH}:}:{}|%{VERSION}-%{RELEASE}\n' "$dx_name" 2>/dev/null) || dx_v=
  dx_v=$(printf '%s\n' "$dx_v" | tail -n 1)
}

# of several versions of one name (kernels) the newest that rpm tells last
dx_rpm_all() {
  rpm -qa --qf '%{NAME} %|EPOCH?{%{EPOCH}:}:{}|%{VERSION}-%{RELEASE}\n' | grep -v '^gpg-pubkey '
}

dx_rpm_free() {
  dx_root && dx_await /var/lib/rpm/.rpm.lock /usr/lib/sysimage/rpm/.rpm.lock /run/zypp.pid /var/run/yum.pid
}

# what would go beside dx_name, by rpm itself
dx_rpm_alone() {
  rpm -e --test "$dx_name" >"$dx_tmp/plan" 2>&1 </dev/null && return 0
  dx_fail "others need it: $(dx_flat "$(head -n 5 "$dx_tmp/plan")")"
}

# the words of a transaction, from NAME BEFORE AFTER ...: dx_rm, dx_in
dx_rpm_words() {
  dx_rm= dx_in=
  while [ $# -ge 3 ]; do
    case $2 in
      -) dx_rm="$dx_rm $1" ;;
      *) dx_in="$dx_in $1-$2" ;;
    esac
    shift 3
  done
}
