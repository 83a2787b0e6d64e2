# By name with dnf, on Fedora, RHEL and what descends from them.

dx_dnf_have() { dx_rpm_version; }
dx_dnf_list() { dx_rpm_all; }

dx_dnf_ready() {
  dx_rpm_free || return 1
  dx_newest=
  case $dx_want in '' | latest) dx_take=$dx_name ;; *) dx_take=$dx_name-$dx_want ;; esac
}

# an older version is a downgrade, which is a verb of its own
dx_dnf_install() {
  if [ "$dx_before" ] && [ "$dx_want" ] && [ "$dx_want" != latest ]; then
    dx_run dnf -y -q install "$dx_take" && dx_have && dx_fits "$dx_v" "$dx_want" || dx_run dnf -y -q downgrade "$dx_take" || :
  elif [ "$dx_before" ]; then
    dx_run dnf -y -q upgrade "$dx_take" || :
  else
    dx_run dnf -y -q install "$dx_take" || :
  fi
  dx_good dnf
}

dx_dnf_remove() {
  dx_rpm_free && dx_rpm_alone || return 1
  dx_run dnf -y -q remove "$dx_name" || :
  dx_good dnf
}

dx_dnf_set() {
  dx_rpm_free || return 1
  dx_rpm_words "$@"
  [ ! "$dx_rm" ] || dx_run dnf -y -q remove $dx_rm || { dx_fail "dnf can't remove$dx_rm"; return 1; }
  [ ! "$dx_in" ] || dx_run dnf -y -q install $dx_in || dx_run dnf -y -q downgrade $dx_in || { dx_fail "dnf can't bring back$dx_in"; return 1; }
}
