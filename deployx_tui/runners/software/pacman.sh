# By name with pacman, on Arch. Its repositories have one version of each package, so another one can't be asked for, and
# what was there before comes back only out of its cache.

dx_pacman_have() {
  dx_v=$(pacman -Q "$dx_name" 2>/dev/null | sed -n '1s/^[^ ]* //p')
}

dx_pacman_list() { pacman -Q; }

dx_pacman_ready() {
  dx_root && dx_pacman_free || return 1
  dx_newest=$(pacman -Si "$dx_name" 2>/dev/null | sed -n 's/^Version *: *//p' | head -n 1)
  [ "$dx_newest" ] || { dx_fail "$dx_name is in none of the repositories of this system"; return 1; }
  case $dx_want in
    '' | latest) ;;
    *) dx_fits "$dx_newest" "$dx_want" || { dx_fail "the repositories have no $dx_want of $dx_name; they have $dx_newest"; return 1; } ;;
  esac
}

# its lock is a file, which an interrupted pacman leaves behind
dx_pacman_free() {
  dx_l=$dx_lock_wait
  while [ -e /var/lib/pacman/db.lck ]; do
    [ "$dx_l" -gt 0 ] || { dx_fail "the package database is locked by /var/lib/pacman/db.lck; waited $dx_lock_wait s"; return 1; }
    dx_l=$((dx_l - 1))
    sleep 1
  done
}

dx_pacman_install() {
  dx_run pacman -S --noconfirm --needed --noprogressbar "$dx_name" || :
  dx_good pacman
}

dx_pacman_remove() {
  dx_pacman_free || return 1
  dx_run pacman -R --noconfirm --noprogressbar "$dx_name" || :
  dx_good pacman
}

dx_pacman_set() {
  dx_pacman_free || return 1
  dx_rm= dx_in=
  while [ $# -ge 3 ]; do
    if [ "$2" = - ]; then
      dx_rm="$dx_rm $1"
    else
      dx_x=$(ls /var/cache/pacman/pkg/"$1-$2"-*.pkg.tar.* 2>/dev/null | grep -v '\.sig$' | head -n 1)
      [ "$dx_x" ] || { dx_fail "$1 $2 is not in pacman's cache any more"; return 1; }
      dx_in="$dx_in $dx_x"
    fi
    shift 3
  done
  [ ! "$dx_in" ] || dx_run pacman -U --noconfirm --noprogressbar $dx_in || { dx_fail "pacman can't bring back$dx_in"; return 1; }
  [ ! "$dx_rm" ] || dx_run pacman -R --noconfirm --noprogressbar $dx_rm || { dx_fail "pacman can't remove$dx_rm"; return 1; }
}
