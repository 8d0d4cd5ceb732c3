# frozen_string_literal: true

require "oversip/testing/world/methods_before"

module OverSIP
  module Testing
    class World
      # One of the modules of events, as it was before a script was loaded.
      #
      # @api private
      class EventModule
        # @param events [Module]
        def initialize(events)
          @events = events
          @methods = [events.singleton_class, events].map { |owner| MethodsBefore.new(owner) }
          @variables = variables
          @modules = modules
        end

        # @return [Array<String>] the files in which its events are defined
        def files
          methods = @methods.flat_map { |before| before.now.values } + added.flat_map { |added| methods_of(added) }
          methods.filter_map { |method| method.source_location&.first }
        end

        # Ruby cannot take a module out of it again.
        #
        # @param files [Array<String>] the script's
        # @raise [OverSIP::RuntimeError] it was extended by a module of another file, which defines events
        def check(files)
          added.each do |added|
            stranger = methods_of(added).find { |method| !from?(files, method) } or next

            raise OverSIP::RuntimeError, "the script extends #{@events} by #{added}, which was there before: its methods " \
                                         "(#{stranger.name}) would run in later examples, too. Define #{added} in a file " \
                                         "of the script, or define events that call it"
          end
        end

        # Takes away what the script has made. A module stays in the ancestors, without its methods.
        #
        # @param files [Array<String>] the script's
        def undo(files)
          added.each do |added|
            methods_of(added).each { |method| added.__send__(:remove_method, method.name) if from?(files, method) }
          end
          @methods.each(&:undo)
          (@events.instance_variables - @variables.keys).each { |name| @events.remove_instance_variable(name) }
          @variables.each { |name, value| @events.instance_variable_set(name, value) }
        end

        private

        def modules
          @events.singleton_class.ancestors
        end

        # Modules which define events and have been put into it.
        def added
          (modules - @modules).select { |added| methods_of(added).any? { |method| @methods.first.known?(method.name) } }
        end

        def methods_of(added)
          (added.instance_methods(false) + added.private_instance_methods(false)).map { |name| added.instance_method(name) }
        end

        def from?(files, method)
          files.include?(method.source_location&.first)
        end

        def variables
          @events.instance_variables.to_h { |name| [name, @events.instance_variable_get(name)] }
        end
      end
    end
  end
end
