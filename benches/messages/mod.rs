//! The messages that are measured.

/// An INVITE of a desk phone through one proxy, about 700 bytes without its body.
pub const INVITE: &[u8] = b"INVITE sip:bob@biloxi.example.com;transport=udp SIP/2.0\r\n\
Via: SIP/2.0/UDP proxy.atlanta.example.com:5060;branch=z9hG4bK2d4790.1;rport\r\n\
Via: SIP/2.0/UDP 192.0.2.101:5060;branch=z9hG4bK74b43;received=203.0.113.7;rport=40123\r\n\
Record-Route: <sip:proxy.atlanta.example.com;lr>\r\n\
Max-Forwards: 69\r\n\
From: \"Alice Liddell\" <sip:alice@atlanta.example.com>;tag=9fxced76sl\r\n\
To: Bob <sip:bob@biloxi.example.com>\r\n\
Call-ID: 3848276298220188511@atlanta.example.com\r\n\
CSeq: 1 INVITE\r\n\
Contact: <sip:alice@192.0.2.101:5060;transport=udp>;expires=300\r\n\
Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, REFER, NOTIFY\r\n\
Supported: replaces, outbound, path\r\n\
User-Agent: ExamplePhone 4.2\r\n\
Content-Type: application/sdp\r\n\
Content-Length: 0\r\n\r\n";

/// Its 200, about 300 bytes.
pub const OK: &[u8] = b"SIP/2.0 200 OK\r\n\
Via: SIP/2.0/UDP proxy.example.com:5060;branch=z9hG4bK2d4790\r\n\
From: <sip:alice@atlanta.example.com>;tag=9fxced76sl\r\n\
To: <sip:bob@biloxi.example.com>;tag=8321234356\r\n\
Call-ID: 3848276298220188511@example.com\r\n\
CSeq: 1 INVITE\r\n\
Contact: <sip:bob@client.example.com>\r\n\
Content-Length: 0\r\n\r\n";
