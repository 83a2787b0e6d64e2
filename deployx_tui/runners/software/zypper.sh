# By name with zypper, on SUSE's systems. 100 to 103 are no failures: 102 wants a restart, 103 another run of zypper.

dx_zypper_have() { dx_rpm_version; }
dx_zypper_list() { dx_rpm_all; }

dx_zypper_ready() {
  dx_rpm_free || return 1
  dx_newest=
  case $dx_want in '' | latest) dx_take=$dx_name ;; *) dx_take=$dx_name=$dx_want ;; esac
}

dx_zypper_end() {
  case $dx_code in
    102) dx_reboot=yes dx_code=0 ;;
    100 | 101 | 103) dx_code=0 ;;
  esac
  dx_good zypper
}

dx_zypper_install() {
  dx_run zypper --non-interactive --quiet install --auto-agree-with-licenses --oldpackage "$dx_take" || :
  dx_zypper_end
}

dx_zypper_remove() {
  dx_rpm_free && dx_rpm_alone || return 1
  dx_run zypper --non-interactive --quiet remove "$dx_name" || :
  dx_zypper_end
}

dx_zypper_set() {
  dx_rpm_free || return 1
  dx_args=
  while [ $# -ge 3 ]; do
    case $2 in -) dx_args="$dx_args -$1" ;; *) dx_args="$dx_args $1=$2" ;; esac
    shift 3
  done
  dx_run zypper --non-interactive --quiet install --auto-agree-with-licenses --oldpackage -- $dx_args || :
  dx_zypper_end
}
