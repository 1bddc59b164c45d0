"""Where formats/mime differs from the collections of test_mime.py, and why. One reason may hold for many cases."""

NOT_A_FIELD = ("a line in the header that cannot be a field: we end the header there and keep the line as body "
               "(as mutt, Postfix and Python do); Mime4j drops it or goes on with the header behind it")
ENCODED_MESSAGE = ("a message/rfc822 in base64, which RFC 2045 6.4 forbids: parts are ranges of the message's bytes "
                   "(IMAP needs that), so it is parsed as it stands and reported as a bad encoding")
NO_PARTS = "a multipart without a single part is taken for text/plain, so that its text is shown; content is the same"
BOUNDARY_BLANK = "RFC 2046 5.1.1: no boundary ends with white space; we cut it off, since transport may have"
BOUNDARY_LONG = "a boundary over 1000 octets (RFC 2046 allows 70) is not used: taken for text/plain"
SAME_BOUNDARY = ("two open multiparts with boundaries that are the same or begin alike: we compare whole boundaries, the "
                 "innermost multipart first; they take the first prefix or the outermost")
UUENCODE = "x-uuencode: we decode it, they do not"
GUESS = "8 bit text without a charset, or not in its charset: we take UTF-8 or else windows-1252, they replace"
LENIENT64 = "base64 with bytes that do not belong there: we pass over them as RFC 2045 6.8 says, they give up"
EMPTY_PARTS = "delimiters one behind the other: each opens an empty part, as RFC 2046 has it"
FOLD = "RFC 5322 2.2.3: unfolding takes out the line end alone; they make one space of it"
COMMENT = "comments are no part of a name that stands before <...> (RFC 5322 3.2.2); they add them"
URL = "an URL in angle brackets (List-Archive and the like) is no address; we do not read those fields as addresses"
THEIRS = "theirs is wrong by the RFC: "


def each(reason, *cases):
    return {case: reason for case in cases}


def both(reason, *cases):
    return {f"{case}{end}": reason for case in cases for end in (".json", ".crlf.json")}


KNOWN = {
    "imap-mime-dovecot": {
        **each("the table makes the long form from a short one that had lost the parameters; we make it from the message",
               "bodystructure_normalize-2"),
        **each("a comment that does not end: we keep the word before it as the mailbox (marked bad)", "address-47"),
    },
    "mime-python": {
        **each(SAME_BOUNDARY, "msg_15.txt", "msg_39.txt"),
        **each(NO_PARTS, "msg_17.txt", "msg_25.txt", "msg_31.txt", "msg_41.txt", "msg_42.txt"),
        **each(EMPTY_PARTS, "msg_37.txt"),
    },
    "mime-mime4j": {
        **each(ENCODED_MESSAGE,
               "bad-newlines-multiple-parts-base64.msg", "bad-newlines-multiple-parts-base64_decoded_1_1_1.txt",
               "base64encoded-rfc822message.msg", "base64encoded-rfc822message_decoded_1_1.txt",
               "base64encoded-rfc822message-nested.msg", "base64encoded-rfc822message-nested_decoded_1_1_1.txt"),
        **each(NOT_A_FIELD,
               "basic-plain-with-bad-header-separator.msg", "basic-plain-with-bad-header-separator_decoded_1.txt",
               "malformedHeader-nocrlfcrlf.msg", "malformedHeader-nocrlfcrlf_decoded_1.txt",
               "malformedHeader-noheader.msg", "malformedHeader-noheader_decoded_1.txt",
               "malformedHeaderStartsBody-nocrlfcrlf.msg", "malformedHeaderStartsBody-nocrlfcrlf_decoded_1.txt",
               "malformedHeaderStartsBody-noheader.msg", "malformedHeaderStartsBody-noheader_decoded_1.txt",
               "obsolete.msg", "obsolete_decoded_1.txt"),
        **each(NO_PARTS, "missing-boundary.msg", "missing-inner-boundary.msg", "missing-inner-start-boundary.msg",
               "multipartnopart.msg"),
        **each(BOUNDARY_BLANK, "very-long-boundary.msg", "very-long-boundary_decoded_1_1.txt", "weird-boundary.msg",
               "weird-boundary_decoded_1_1.txt"),
        **each(BOUNDARY_LONG, "very-very-long-boundary.msg", "very-very-long-boundary_decoded_1_1.txt"),
    },
    "mime-mail-parser messages": {
        **both(UUENCODE, "legacy/026", "legacy/048"),
        **both(GUESS, "legacy/052"),
        **both(EMPTY_PARTS, "malformed/000"),
        **both(SAME_BOUNDARY, "malformed/004", "malformed/008", "malformed/016"),
        **both(NOT_A_FIELD.replace("Mime4j drops it", "they drop it"), "malformed/007", "malformed/019"),
        **both(ENCODED_MESSAGE, "malformed/022", "rfc/008"),
        **both(LENIENT64, "rfc/000", "thirdparty/002"),
        **each("a body in UTF-16 cut in the middle of a character, and \"invalid--1--\" in the middle of a line taken for "
               "a delimiter by them", "thirdparty/005.json", "thirdparty/005.crlf.json"),
        **both("an attached message without the end of its header: the outer boundary ends it; they run on",
               "thirdparty/015"),
    },
    "mime-mail-parser headers": {
        **each(COMMENT, "address-4", "address-5"),
        **each(THEIRS + "white space and comments in a domain are no part of it (RFC 5322 4.4)", "address-6"),
        **each("a name in quotes is trimmed for display", "address-14"),
        **each(URL, "address-16", "address-17", "address-18", "address-19", "address-20"),
        **each("words behind <...> are not taken for a name (marked bad)", "address-24"),
        **each("RFC 2047 6.2: white space between encoded words is not shown; they show it in a parameter",
               "content_type-17"),
        **each("a field without a type: we still read its parameters", "content_type-21"),
        **each("a type ends before '=' and before a second '/'", "content_type-26", "content_type-34"),
        **each("nonsense with asterisks: we keep names that are not RFC 2231's as they are", "content_type-28"),
        **each("numbers only: which is the month is a guess that we do not make", "date-2"),
        **each("the line behind the comment's is cut off by the test: a date without a time of day is one for us",
               "date-3"),
        **each(THEIRS + "the order of asctime() puts the year last", "received-6", "received-84"),
        **each(THEIRS + "PST and PDT are zones (RFC 5322 4.3)", "received-38", "received-93"),
        **each(THEIRS + "two digits under 50 are of this century (RFC 5322 4.3)", "received-71"),
        **each(FOLD, "unstructured-1", "unstructured-2", "unstructured-3", "unstructured-12"),
        **each("nothing is put between text and an encoded word that follows at once", "unstructured-10",
               "unstructured-13", "unstructured-14"),
    },
}
