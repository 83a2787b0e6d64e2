# Debian's package database, for the kinds apt and deb. Configuration files that somebody changed stay as they are
# (confold), new ones are taken; nobody is asked; dpkg gets no terminal of its own, so that a script of a package that
# opens /dev/tty finds none.

dx_apt() {
  dx_run env DEBIAN_FRONTEND=noninteractive DEBCONF_NONINTERACTIVE_SEEN=true APT_LISTCHANGES_FRONTEND=none \
    NEEDRESTART_MODE=l NEEDRESTART_SUSPEND=1 UCF_FORCE_CONFFOLD=1 \
    apt-get -q -y -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout="$dx_lock_wait" \
    -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold "$@"
}

# what apt would do, in the file "plan"
dx_apt_plan() {
  apt-get -s -q -y "$@" >"$dx_tmp/plan" 2>&1 </dev/null
}

# what apt says against it, on one line
dx_apt_against() {
  dx_flat "$(sed -n -e 's/^E: //p' -e 's/^ \(.* : .*\)/\1/p' "$dx_tmp/plan" | head -n 6 | tr '\n' ';')"
}

# what the plan would remove beside the words in "$@" (names without architecture)
dx_apt_victims() {
  dx_victims=
  for dx_x in $(sed -n 's/^\(Remv\|Purg\) \([^ ]*\) .*/\2/p' "$dx_tmp/plan" | sort -u); do
    case " $* " in *" ${dx_x%%:*} "*) ;; *) dx_victims="$dx_victims $dx_x" ;; esac
  done
  [ "$dx_victims" ]
}

# dx_v: the version of dx_name that is installed whole
dx_dpkg_have() {
  command -v dpkg-query >/dev/null 2>&1 || { dx_fail "dpkg is not here"; return 1; }
  dx_v=$(dpkg-query -W -f '${db:Status-Status} ${Version}\n' "$dx_name" 2>/dev/null | sed -n 's/^installed //p' | head -n 1)
}

dx_dpkg_list() {
  dpkg-query -W -f '${db:Status-Status} ${binary:Package} ${Version}\n' |
    sed -n -e 's/^installed //p' -e 's/^triggers-[a-z]* //p' -e 's/^\(half-[a-z]*\|unpacked\) \([^ ]*\) \(.*\)/\2 \3(\1)/p'
}

# root, nobody's lock, and a database that is in order
dx_dpkg_ready() {
  dx_root && dx_dpkg_free || return 1
  [ ! "$dx_audited" ] || return 0
  dx_broken=$(dpkg-query -W -f '${db:Status-Status} ${db:Status-Eflag} ${binary:Package}\n' |
    sed -n -e 's/^half-[a-z]* [a-z]* //p' -e 's/^unpacked [a-z]* //p' -e 's/^[a-z-]* reinstreq //p' | sort -u | tr '\n' ' ')
  ls /var/lib/dpkg/updates/[0-9]* >/dev/null 2>&1 && dx_broken="${dx_broken}(an interrupted dpkg)"
  if [ "$dx_broken" ]; then
    if [ ! "$dx_repair" ]; then
      dx_fail "the package database is half-configured: $dx_broken; dpkg --configure -a mends it, or the task's repair"
      return 1
    fi
    dx_tell "repairs the package database: $dx_broken"
    dx_run env DEBIAN_FRONTEND=noninteractive dpkg --configure -a --force-confdef --force-confold || :
    dx_apt --no-remove -f install || :
    if ! dx_audit_again; then
      dx_why= 
      dx_fail "the package database is half-configured and could not be repaired: $dx_broken"
      return 1
    fi
  fi
  dx_audited=1
  dpkg-query -W -f '${db:Status-Status} ${binary:Package}\n' | sed -n 's/^config-files //p' >"$dx_tmp/rc"
}

dx_audit_again() {
  ! ls /var/lib/dpkg/updates/[0-9]* >/dev/null 2>&1 &&
    ! dpkg-query -W -f '${db:Status-Status}\n' | grep -q -e '^half-' -e '^unpacked'
}

dx_dpkg_free() {
  dx_await /var/lib/dpkg/lock-frontend /var/lib/dpkg/lock /var/lib/apt/lists/lock /var/cache/apt/archives/lock
}

# NAME BEFORE AFTER ...: each goes to BEFORE, - is removed; nothing else may go
dx_dpkg_set() {
  dx_dpkg_free || return 1
  dx_args= dx_goes= dx_rm=
  while [ $# -ge 3 ]; do
    case $2 in
      -) dx_goes="$dx_goes ${1%%:*}" dx_rm="$dx_rm $1" dx_args="$dx_args $1-" ;;
      *'('*) dx_fail "$1 was $2 before"; return 1 ;;
      *) dx_args="$dx_args $1=$2" ;;
    esac
    shift 3
  done
  # the words are names and versions of dpkg's own database, or were checked: none holds a blank or a pattern
  dx_purge=--purge
  for dx_x in $dx_rm; do ! grep -qxF "${dx_x}" "$dx_tmp/rc" 2>/dev/null || dx_purge=; done
  [ "$dx_verb" = install ] || dx_purge=
  if dx_apt_plan $dx_purge --allow-downgrades install $dx_args; then
    if dx_apt_victims $dx_goes; then
      dx_fail "it would remove also$dx_victims"
      return 1
    fi
    dx_apt $dx_purge --allow-downgrades install $dx_args && return 0
  fi
  # what a broken package left half-way is taken out by dpkg itself, alone
  [ "$dx_rm" ] || { dx_fail "apt can't: $(dx_apt_against)"; return 1; }
  dx_mode=--remove
  [ ! "$dx_purge" ] || dx_mode=--purge
  dx_run env DEBIAN_FRONTEND=noninteractive dpkg --force-remove-reinstreq $dx_mode $dx_rm ||
    { dx_fail "dpkg can't remove$dx_rm: exit $dx_code"; return 1; }
}

dx_dpkg_remove() {
  dx_dpkg_ready || return 1
  if ! dx_apt_plan remove "$dx_name"; then
    dx_fail "apt can't remove it: $(dx_apt_against)"
    return 1
  fi
  if dx_apt_victims "${dx_name%%:*}"; then
    dx_fail "others need it and would be removed with it:$dx_victims"
    return 1
  fi
  dx_apt remove "$dx_name" || :
  dx_good "apt-get"
}
