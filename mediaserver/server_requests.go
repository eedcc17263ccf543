package mediaserver

import "context"

// Place calls somebody, who talks to an IVR as soon as the call is accepted: placeivrcall. It returns at once.
func (s *Server) Place(_ context.Context, o *CallOptions) (*Placed, error) {
	a := &Action{Kind: Call, Destination: o.Destination}
	ses, err := s.begin(nil, o.Reference, UserOf(o.Addr), input{kind: inPlace, action: a})
	if err != nil {
		return nil, err
	}
	id := ses.partyID(1)
	return &Placed{SessionID: ses.id, ParticipantID: id, ReplyID: s.sign(id)}, nil
}

// Split takes a connection of two apart, as the replyId of its Answered notice stands for it, and has the Application asked about both.
func (s *Server) Split(ctx context.Context, connectionID, replyID string) error {
	return s.ofLink(ctx, connectionID, replyID, input{kind: inSplit})
}

// Connect connects two participants of a session who are up and in no connection with anybody but an IVR, or in a conference; those end
// without a question. The first becomes the caller, as with the Action. The replyId is any of the session's.
func (s *Server) Connect(ctx context.Context, participantID, peerID, replyID string) error {
	ses, n, err := s.find(participantID, idParty)
	if err != nil {
		return err
	}
	session, m, ok := parseID(peerID, idParty)
	if !ok || session != ses.id {
		return ErrNotFound
	}
	if err := s.stands(replyID, ses); err != nil {
		return err
	}
	_, err = ses.ask(ctx, input{kind: inConnect, party: partyID(m), other: partyID(n)})
	return err
}

// CreateConference makes a conference that nobody is in, and returns its connection's id. The replyId is any of the session's; the session's id
// may be left out. Without both it becomes the conference of the session from which somebody joins first, within an hour.
func (s *Server) CreateConference(ctx context.Context, sessionID, replyID string) (connectionID string, err error) {
	if sessionID == "" && replyID == "" {
		return s.newRoom()
	}
	ses, err := s.sessionOf(sessionID, replyID)
	if err != nil {
		return "", err
	}
	l, err := ses.ask(ctx, input{kind: inConference})
	if err != nil {
		return "", err
	}
	return ses.linkID(l), nil
}

// HangupParticipant hangs up a participant, also one that still rings. An IVR leaves, and the Application is asked about whom it talked to. The
// replyId is any of the session's.
func (s *Server) HangupParticipant(ctx context.Context, participantID, replyID string) error {
	ses, n, err := s.find(participantID, idParty)
	if err != nil {
		return err
	}
	if err := s.stands(replyID, ses); err != nil {
		return err
	}
	_, err = ses.ask(ctx, input{kind: inHangup, party: partyID(n)})
	return err
}

// StartRecording records a connection to a file of the prompt store; an empty name has one made up.
func (s *Server) StartRecording(ctx context.Context, connectionID, replyID, filename string) error {
	return s.ofLink(ctx, connectionID, replyID, input{kind: inRecord, name: filename})
}

// StopRecording ends the recording of a connection. A notice RecordingReady follows.
func (s *Server) StopRecording(ctx context.Context, connectionID, replyID string) error {
	return s.ofLink(ctx, connectionID, replyID, input{kind: inStopRecord})
}

// ofLink carries out a request about a connection that a replyId stands for. A conference has none: any of its session's will do.
func (s *Server) ofLink(ctx context.Context, connectionID, replyID string, in input) error {
	ses, l, err := s.connection(connectionID)
	if err != nil {
		return err
	}
	if err := s.stands(replyID, ses); err != nil {
		return err
	}
	id, _ := s.open(replyID)
	in.link, in.loose = l, id != connectionID
	_, err = ses.ask(ctx, in)
	return err
}

// connection returns what the id of a connection stands for.
func (s *Server) connection(id string) (*session, linkID, error) {
	if r := s.room(id); r != nil {
		ses := r.of()
		if ses == nil {
			return nil, 0, ErrState
		}
		return ses, r.link, nil
	}
	ses, n, err := s.find(id, idLink)
	return ses, linkID(n), err
}

// find returns the session that an id is of, and the number in it.
func (s *Server) find(id string, kind byte) (*session, int, error) {
	name, n, ok := parseID(id, kind)
	if !ok {
		return nil, 0, ErrNotFound
	}
	ses, err := s.session(name)
	return ses, n, err
}

// stands checks that a replyId is one of a session's.
func (s *Server) stands(replyID string, ses *session) error {
	id, err := s.open(replyID)
	if err != nil {
		return err
	}
	for _, kind := range []byte{idParty, idLink, idQuestion} {
		if name, _, ok := parseID(id, kind); ok && name == ses.id {
			return nil
		}
	}
	return ErrReply
}

// sessionOf returns the session that a replyId is of; an id of it has to be the same.
func (s *Server) sessionOf(sessionID, replyID string) (*session, error) {
	if sessionID == "" {
		id, err := s.open(replyID)
		if err != nil {
			return nil, err
		}
		for _, kind := range []byte{idParty, idLink, idQuestion} {
			if name, _, ok := parseID(id, kind); ok {
				sessionID = name
			}
		}
	}
	ses, err := s.session(sessionID)
	if err != nil {
		return nil, err
	}
	return ses, s.stands(replyID, ses)
}
