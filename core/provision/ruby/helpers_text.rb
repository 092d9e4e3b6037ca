# frozen_string_literal: true

# Helpers that make text: scripts, files, numbers, times.
module Provision
  class Scope
    def indent(count, skip1: false, skip_content: nil)
      text = block_given? ? yield.to_s : ""
      pad = " " * count
      inside = false
      text.lines.each_with_index.map do |line, i|
        keep = inside
        inside = !inside if skip_content && line.include?(skip_content)
        keep || (skip1 && i.zero?) || line.strip.empty? ? line : pad + line
      end.join
    end

    # A shell command that writes content to a file.
    def save_to_file(filename, content, verbatim: false)
      return "cp /dev/null #{filename}\n" if content.to_s.empty?

      mark = "EOF-#{Digest::SHA256.hexdigest("#{filename}\n#{content}")[0, 8]}"
      text = content.to_s
      text += "\n" unless text.end_with?("\n")
      "cat << #{verbatim ? "'#{mark}'" : mark} > #{filename}\n#{text}#{mark}\n"
    end

    # Shell lines that install packages with whatever installs packages there.
    def install_packages(packages)
      list = Array(packages).join(" ")
      return "" if list.strip.empty?

      <<~SH
        if command -v dnf >/dev/null 2>&1; then
          dnf -y install #{list}
        elif command -v yum >/dev/null 2>&1; then
          yum -y install #{list}
        elif command -v zypper >/dev/null 2>&1; then
          zypper --non-interactive install --auto-agree-with-licenses #{list}
        elif command -v apt-get >/dev/null 2>&1; then
          DEBIAN_FRONTEND=noninteractive apt-get -y install #{list}
        else
          echo "no package manager is known here; cannot install #{list}" >&2
          exit 1
        fi
      SH
    end

    def update_packages
      <<~SH
        if command -v dnf >/dev/null 2>&1; then
          dnf -y upgrade
        elif command -v yum >/dev/null 2>&1; then
          yum -y update
        elif command -v zypper >/dev/null 2>&1; then
          zypper --non-interactive update
        elif command -v apt-get >/dev/null 2>&1; then
          apt-get -y update && DEBIAN_FRONTEND=noninteractive apt-get -y upgrade
        fi
      SH
    end

    # A command line that fetches, or with params posts to, a URL.
    def generate_web_request(utility:, url:, ssl_ca_cert: nil, headers: nil, params: nil, output_file: nil)
      words = case utility.to_s
              when "curl" then curl(ssl_ca_cert, headers, params, output_file)
              when "wget" then wget(ssl_ca_cert, headers, params, output_file)
              else Kernel.raise ArgumentError, "generate_web_request knows curl and wget, not #{utility}"
              end
      (words + [shell_escape(url)]).join(" ")
    end

    def shell_escape(text) = Shellwords.escape(text.to_s)
    def to_json(data = nil, *) = JSON.pretty_generate(plain(data))
    def to_yaml(data = nil, *) = YAML.dump(plain(data))
    def parse_json(text) = JSON.parse(text)
    def parse_yaml(text) = YAML.safe_load(text, permitted_classes: [Date, Time, Symbol], aliases: true)
    def join_with_line_break(array) = array.join("\n")
    def rand(max = 0) = SecureRandom.random_number(max)
    def rand_hex(bytes) = SecureRandom.hex(bytes)

    def format_time(time, format: "%Y-%m-%d %k:%M:%S %z", zone: @__site["time_zone"])
      time = Time.parse(time) if time.is_a?(String)
      (zone.to_s.empty? ? time.getutc : time.getlocal(zone)).strftime(format)
    end

    def current_date(format: "%F") = format_time(Time.now, format: format)
    def current_time(format: "%T %z") = format_time(Time.now, format: format)

    # -1, 0 or 1 as version a comes before, is or comes after b.
    def gem_version_compare(a, b)
      a, b = [a, b].map { |v| v.to_s.scan(/\d+|[a-z]+/i).map { |part| part =~ /\d/ ? [1, part.to_i, ""] : [0, 0, part] } }
      size = [a.size, b.size].max
      [a, b].each { |parts| parts << [1, 0, ""] while parts.size < size }
      a <=> b
    end

    def number_with_delimiter(number, delimiter: ",", separator: ".")
      whole, part = number.to_s.split(".")
      [whole.gsub(/(\d)(?=(\d{3})+$)/, "\\1#{delimiter}"), part].compact.join(separator)
    end

    def number_with_precision(number, precision: 3) = format("%.#{precision}f", number)
    def number_to_percentage(number, precision: 3) = "#{number_with_precision(number, precision: precision)}%"

    def number_to_currency(number, unit: "$", precision: 2)
      "#{unit}#{number_with_delimiter(number_with_precision(number, precision: precision))}"
    end

    def number_to_human_size(number)
      units = %w[Bytes KB MB GB TB PB EB]
      size = number.to_f
      size /= 1024 while size >= 1024 && units.size > 1 && units.shift
      text = size.round == size || units.first == "Bytes" ? size.round.to_s : format("%.3g", size)
      "#{text} #{units.first}"
    end

    private

    def curl(ca_cert, headers, params, output)
      words = %w[curl --silent --show-error --fail --location]
      words += ["--cacert", shell_escape(ca_cert)] if ca_cert
      words += ["--output", shell_escape(output)] if output
      Array(headers).each { |h| words += ["--header", shell_escape(h)] }
      (params || {}).each { |k, v| words += ["--data-urlencode", shell_escape("#{k}=#{v}")] }
      words
    end

    def wget(ca_cert, headers, params, output)
      words = ["wget", "--quiet", "--output-document=#{shell_escape(output || '-')}"]
      words << "--ca-certificate=#{shell_escape(ca_cert)}" if ca_cert
      Array(headers).each { |h| words << "--header=#{shell_escape(h)}" }
      words << "--post-data=#{shell_escape(URI.encode_www_form(params))}" if params && !params.empty?
      words
    end

    def plain(data)
      case data
      when Hash then data.to_h { |k, v| [k.to_s, plain(v)] }
      when Array then data.map { |v| plain(v) }
      when Record then data.to_s
      else data
      end
    end
  end
end
