# frozen_string_literal: true

module OverSIP
  # Where optional helpers for routing scripts live; also reachable as {OverSIP::M}.
  module Modules
  end

  # Short for {Modules}.
  M = Modules
end
