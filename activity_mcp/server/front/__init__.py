"""The server over stdio: its front reads every line, answers the plain ones, and hands the rest to the SDK.

An always-loaded server holds a user's first prompt, and importing the SDK takes a hundred times as long as what a session asks.
So the SDK is imported by the first line that needs it, and most sessions send none:

    line ──► plain? ──► greeting, list, ping        bytes that the SDK itself made (``table``)
              │    └──► tools/call                  checked and answered by ``calls``, on the lane of its tool
              no
              └───────► the long way                the SDK on a thread of its own, given the connection as if it had been
                                                    there from the start (``long_way``)

    wire       descriptors, lines in, bytes out, signals
    unblocked  as many of these bytes at once as block nobody
    looks      when to look around while no line comes
    table      the answers that never change, and whether they still hold for the installed SDK
    plain      what a plain message is: one about which the SDK would have nothing to say
    running    the calls that are being answered, their cancellation and progress
    long_way   the two streams that the SDK serves from, and the greeting played to it again
    front      the loop over all of these, and the leaving

The rules:

- While the wire is open, descriptor 0 is the null device and descriptor 1 is stderr, so that a stray ``print`` and a child
  process reach neither side of it.
- A line may be of any length up to ``MAX_LINE_BYTES``; a longer one is skipped as it comes in and answered with an error.
- An answer is the one that the SDK would give, byte for byte. What is not plain takes the long way: any member that is
  unknown, any value not of its type, everything on a connection whose first message was not plain.
- The client sets the pace: no line is read while ``UNREAD_BYTES`` of answers wait for a client that does not read, or while
  ``MAX_OPEN`` requests are unanswered. So memory is bounded.
- The end stops the reading. What was asked before is answered: within ``EOF_GRACE_S`` after EOF, when the client may still
  read, within ``GRACE_S`` after a signal or when the client has vanished.
"""
