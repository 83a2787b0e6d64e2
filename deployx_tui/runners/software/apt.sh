# By name from the repositories of Debian, Ubuntu and what descends from them.

dx_apt_have() { dx_dpkg_have; }
dx_apt_list() { dx_dpkg_list; }
dx_apt_set() { dx_dpkg_set "$@"; }
dx_apt_remove() { dx_dpkg_remove; }

# dx_newest: what apt would take; dx_take: what is to be installed
dx_apt_ready() {
  dx_dpkg_ready || return 1
  if [ ! "$dx_fresh" ]; then
    dx_fresh=1
    dx_apt update || { dx_why=; dx_tell "the lists of packages could not be refreshed; the old ones are used"; }
  fi
  dx_newest=$(apt-cache policy "$dx_name" 2>/dev/null | sed -n 's/^  Candidate: //p' | head -n 1)
  case $dx_newest in '' | '(none)') dx_fail "$dx_name is in none of the repositories of this system"; return 1 ;; esac
  case $dx_want in
    '' | latest) dx_take=$dx_newest ;;
    *)
      dx_take= dx_there=
      for dx_x in $(apt-cache madison "$dx_name" | awk -F ' *[|] *' -v n="$dx_name" '{ sub(/^ */, "", $1) } $1 == n { print $2 }'); do
        dx_there="$dx_there $dx_x"
        [ "$dx_take" ] || ! dx_fits "$dx_x" "$dx_want" || dx_take=$dx_x
      done
      [ "$dx_take" ] || { dx_fail "the repositories have no $dx_want of $dx_name; they have${dx_there:- none}"; return 1; }
      ;;
  esac
}

dx_apt_install() {
  if ! dx_apt_plan --allow-downgrades install "$dx_name=$dx_take"; then
    dx_fail "apt can't install it: $(dx_apt_against)"
    return 1
  fi
  if dx_apt_victims; then
    dx_fail "it conflicts with what is there; apt would remove$dx_victims"
    return 1
  fi
  dx_apt --no-remove --allow-downgrades install "$dx_name=$dx_take" || :
  dx_good "apt-get"
}
