# A file of Debian's kind. What it depends on comes from the system's repositories, if apt is there.

dx_deb_have() {
  [ "$dx_name" ] || dx_deb_read || return 1
  dx_dpkg_have || return 1
  # the file says which version is meant, unless the task does
  [ "$dx_want" ] || [ ! -f "$dx_file" ] || dx_want=$(dpkg-deb -f "$dx_file" Version 2>/dev/null)
}

# dx_name and dx_want, out of the file
dx_deb_read() {
  dx_obtain || return 1
  dx_name=$(dpkg-deb -f "$dx_file" Package 2>/dev/null) && [ "$dx_name" ] ||
    { dx_fail "the file is no package of Debian's kind"; return 1; }
  case $dx_name in *[!a-z0-9+.-]*) dx_fail "the file names its package strangely"; return 1 ;; esac
}

dx_deb_list() { dx_dpkg_list; }
dx_deb_set() { dx_dpkg_set "$@"; }
dx_deb_remove() { dx_dpkg_remove; }

dx_deb_ready() {
  dx_dpkg_ready && dx_obtain || return 1
  dx_arch=$(dpkg-deb -f "$dx_file" Architecture 2>/dev/null) || { dx_fail "the file is no package of Debian's kind"; return 1; }
  dx_ours="all $(dpkg --print-architecture) $(dpkg --print-foreign-architectures | tr '\n' ' ')"
  case " $dx_ours " in
    *" $dx_arch "*) ;;
    *) dx_fail "it is for $(dx_flat "$dx_arch"), and this system takes $dx_ours"; return 1 ;;
  esac
  dx_inside=$(dpkg-deb -f "$dx_file" Package)
  [ "$dx_inside" = "$dx_name" ] || { dx_fail "the file holds $(dx_flat "$dx_inside"), not $dx_name"; return 1; }
  dx_newest=$(dpkg-deb -f "$dx_file" Version)
}

dx_deb_install() {
  if command -v apt-get >/dev/null 2>&1; then
    # apt takes a path with a slash for a file, and knows it by its ending
    ln -s "$dx_file" "$dx_tmp/package$dx_i.deb"
    if ! dx_apt_plan --allow-downgrades install "$dx_tmp/package$dx_i.deb"; then
      dx_fail "apt can't install it: $(dx_apt_against)"
      return 1
    fi
    if dx_apt_victims; then
      dx_fail "it conflicts with what is there; apt would remove$dx_victims"
      return 1
    fi
    dx_apt --no-remove --allow-downgrades install "$dx_tmp/package$dx_i.deb" || :
    dx_good "apt-get"
  else
    dx_run env DEBIAN_FRONTEND=noninteractive dpkg --force-confdef --force-confold -i "$dx_file" || :
    dx_good "dpkg"
  fi
}
