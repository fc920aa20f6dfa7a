-- Nothing asks for the sessions of one authorization, and each booking paid for this.
drop index if exists settled_session_authorization;
