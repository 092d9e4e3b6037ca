# Writes the part of the standard library that templates and functions need:
# whatever these features load, and whole folders of those that load late.
features = %w[
  English benchmark cgi/escape cgi/util coverage date delegate digest digest/md5 digest/sha1 digest/sha2 erb
  erb/util fileutils find forwardable json logger monitor objspace open3 openssl optparse
  ostruct pathname pp prettyprint psych random/formatter securerandom set shellwords singleton stringio strscan
  tempfile time timeout tmpdir tsort uri weakref yaml zlib
]
features.each { |feature| require feature }
late = $LOAD_PATH.flat_map do |dir|
  Dir.glob("#{dir}/{json,psych,digest,set,cgi,uri,optparse,erb,strscan,random}/**/*.rb") + Dir.glob("#{dir}/ipaddr.rb")
end
loaded = $LOADED_FEATURES.select { |file| file.end_with?(".rb") && File.file?(file) }
STDOUT.binmode
(loaded + late).uniq.each do |file|
  data = File.binread(file)
  STDOUT.write("#{data.bytesize} #{file}\n", data)
end
STDOUT.flush
