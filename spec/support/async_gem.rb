# frozen_string_literal: true

# The async gem, where there is one for this Ruby.
ASYNC =
  begin
    require "async"
    true
  rescue LoadError
    false
  end
