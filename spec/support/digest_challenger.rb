# frozen_string_literal: true

require "openssl"

# The server's side of digest authentication, computed with OpenSSL: challenges, and whether an answer is right.
# For examples tagged `:native`.
module DigestChallenger
  HASHES = { "MD5" => "MD5", "SHA-256" => "SHA256", "SHA-512-256" => "SHA512-256" }.freeze

  # @return [String] the value of WWW-Authenticate or Proxy-Authenticate
  def challenge(realm: "example.net", nonce: "nonce-1", algorithm: nil, qop: nil, stale: false, opaque: nil)
    parts = [%(realm="#{realm}"), %(nonce="#{nonce}")]
    parts << %(qop="#{qop}") if qop
    parts << "algorithm=#{algorithm}" if algorithm
    parts << "stale=true" if stale
    parts << %(opaque="#{opaque}") if opaque
    "Digest #{parts.join(", ")}"
  end

  # Has a peer answer a request with a challenge: 401, or 407 for a proxy's.
  def challenge_from(peer, request, proxy: false, **parameters)
    header = proxy ? "Proxy-Authenticate" : "WWW-Authenticate"
    peer.answer(request, proxy ? 407 : 401, "Unauthorized", headers: { header => challenge(**parameters) })
  end

  # @return [Hash{String => String}] the parameters of an Authorization value
  def digest_parameters(value)
    value.delete_prefix("Digest ").scan(/([\w-]+)=(?:"((?:[^"\\]|\\.)*)"|([^,\s]+))/).to_h { |name, quoted, token| [name, quoted || token] }
  end

  # Whether the answer in a request proves the knowledge of the password.
  def proves?(request, password, header: "Authorization")
    given = digest_parameters(request.header(header))
    given.fetch("response") == expected_response(given, request, password)
  end

  private

  def expected_response(given, request, password)
    name = given.fetch("algorithm", "MD5")
    a1 = digest(name, given.values_at("username", "realm").push(password))
    a1 = digest(name, [a1, given["nonce"], given["cnonce"]]) if name.end_with?("-sess")
    a2 = digest(name, [request.method_name, given["uri"], *(digest(name, [request.body]) if given["qop"] == "auth-int")])
    digest(name, [a1, given["nonce"], *given.values_at("nc", "cnonce", "qop").compact, a2])
  end

  def digest(algorithm, parts)
    OpenSSL::Digest.hexdigest(HASHES.fetch(algorithm.delete_suffix("-sess")), parts.join(":"))
  end
end

RSpec.configure { |config| config.include DigestChallenger, :native }
