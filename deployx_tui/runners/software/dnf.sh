# By name with dnf, on Fedora, RHEL and what descends from them; and with yum, which is what dnf was called before
# (yum.sh): $dx_kind is the program.

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
    dx_run "$dx_kind" -y -q install "$dx_take" && dx_have && dx_fits "$dx_v" "$dx_want" || dx_run "$dx_kind" -y -q downgrade "$dx_take" || :
  elif [ "$dx_before" ]; then
    dx_run "$dx_kind" -y -q upgrade "$dx_take" || :
  else
    dx_run "$dx_kind" -y -q install "$dx_take" || :
  fi
  dx_good "$dx_kind"
}

dx_dnf_remove() {
  dx_rpm_free && dx_rpm_alone || return 1
  dx_run "$dx_kind" -y -q remove "$dx_name" || :
  dx_good "$dx_kind"
}

dx_dnf_set() {
  dx_rpm_free || return 1
  dx_rpm_words "$@"
  [ ! "$dx_rm" ] || dx_run "$dx_kind" -y -q remove $dx_rm || { dx_fail "$dx_kind can't remove$dx_rm"; return 1; }
  [ ! "$dx_in" ] || dx_run "$dx_kind" -y -q install $dx_in || dx_run "$dx_kind" -y -q downgrade $dx_in || { dx_fail "$dx_kind can't bring back$dx_in"; return 1; }
}
