# frozen_string_literal: true

# Records stand for the host and what belongs to it. What they answer to is all
# that there is: the data are a copy made for this one rendering.
module Provision
  # A template asked for what templates may not have.
  class NotAllowed < NoMethodError; end

  class Record
    class << self
      attr_accessor :fields

      # Gives the class its readers. A blank text reads as nil.
      def reads(fields)
        self.fields = fields
        fields.each do |name, type|
          define_method(name) do
            @read.fetch(name) { @read[name] = Record.build(@data[name], type) }
          end
        end
      end

      def build(value, type)
        case type
        when nil, "" then value == "" ? nil : value
        when "Time" then value && Time.parse(value)
        when Array then (value || []).map { |v| build(v, type.first) }
        else value && Provision.const_get(type).new(value)
        end
      end
    end

    def initialize(data)
      @data = data
      @read = {}
    end

    def to_s = respond_to?(:name) ? name.to_s : super

    def ==(other) = other.class == self.class && other.data == data

    def inspect = "#<#{label} #{self}>"

    def method_missing(name, *)
      Kernel.raise NotAllowed.new("#{name} of #{label} is not allowed in templates", name)
    end

    def respond_to_missing?(*) = false

    def label = self.class.name.split("::").last

    protected

    attr_reader :data
  end

  # Makes the classes of the records from what the host says they have.
  def self.schema(classes)
    classes.each do |name, fields|
      const_set(name, Class.new(Record)).reads(fields)
    end
  end
end
