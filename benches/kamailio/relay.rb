# frozen_string_literal: true

# The routing logic of relay.cfg for app_ruby. Kamailio embeds Ruby without the core methods that are written in Ruby
# (Integer#to_i, Kernel#tap, Array#pack and others), and it needs these names.
COUNTING = ENV["COUNTING"] == "yes"
COUNTS = { provisional: 0, success: 0, failure: 0 } # rubocop:disable Style/MutableConstant
CALLEE = "sip:127.0.0.1:#{ENV.fetch("CALLEE_PORT")};transport=#{ENV.fetch("CALLEE_TRANSPORT")}".freeze

def ksr_request_route
  if KSR::MAXFWD.process_maxfwd(10).negative?
    KSR::SL.sl_send_reply(483, "Too Many Hops")
  elsif KSR.is_CANCEL
    KSR::TM.t_relay if KSR::TM.t_check_trans.positive?
  elsif KSR::SIPUTILS.has_totag.positive?
    relay_in_dialog
  else
    relay_initial
  end
end

def relay_in_dialog
  if KSR::RR.loose_route.positive?
    KSR::SL.sl_reply_error if KSR::TM.t_relay.negative?
  elsif KSR.is_ACK
    KSR::TM.t_relay if KSR::TM.t_check_trans.positive?
  else
    KSR::SL.sl_send_reply(403, "In-dialog Request without Route to Here")
  end
end

def relay_initial
  unless KSR.is_ACK
    return KSR::TM.t_check_trans if KSR::TMX.t_precheck_trans.positive?
    return if KSR::TM.t_check_trans.zero?
  end
  KSR::RR.record_route if KSR.is_INVITE || KSR.is_SUBSCRIBE || KSR.is_REFER
  KSR.setdsturi(CALLEE)
  KSR::TM.t_on_reply("ksr_onreply_count") if COUNTING
  KSR::SL.sl_reply_error if KSR::TM.t_relay.negative?
end

def ksr_onreply_count
  status = KSR::PV.get("$rs")
  if status < 200
    COUNTS[:provisional] += 1
  elsif status < 300
    COUNTS[:success] += 1
  else
    COUNTS[:failure] += 1
  end
end
