/*
 * Business rule "Ringdown: ticket changed", table Incident [incident], when: async,
 * on update and delete. Tells Ringdown that one of its tickets changed; Ringdown then
 * reads the ticket itself, so nothing but its id is sent.
 *
 * README.md beside this file says how to set it up. System properties:
 *   ringdown.callback.url     https://HOST/callbacks/servicenow
 *   ringdown.callback.token   the bearer token (type: password2)
 *   ringdown.callback.user    user name under which Ringdown works here
 *
 * A lost call does no harm: Ringdown also asks by itself, once a minute.
 */
(function executeRule(current, previous /* null when async */) {

    // Names of the settings, and how long a call may take before it is given up, in
    // milliseconds. The call runs in a scheduler worker: nobody waits for it, but there are few.
    var URL = 'ringdown.callback.url';
    var TOKEN = 'ringdown.callback.token';
    var OUR_USER = 'ringdown.callback.user';
    var LONGEST_CALL = 10000;

    // The rule's condition says the same; this holds if somebody edits the condition.
    var key = String(current.getValue('correlation_id') || '');
    if (key.toLowerCase().indexOf('rd-') !== 0) {
        return;
    }
    // What Ringdown did itself is no news to it. A deletion keeps the last editor's name,
    // so it is always told.
    var deleted = String(current.operation()) === 'delete';
    var ourUser = String(gs.getProperty(OUR_USER, ''));
    if (!deleted && ourUser !== '' && String(current.getValue('sys_updated_by')) === ourUser) {
        return;
    }

    var url = String(gs.getProperty(URL, ''));
    var token = String(gs.getProperty(TOKEN, ''));
    if (url.indexOf('https://') !== 0 || token === '') {
        gs.error('Ringdown: set the system properties ' + URL + ' (https://…) and ' + TOKEN);
        return;
    }

    var id = String(current.getUniqueValue());
    try {
        var message = new sn_ws.RESTMessageV2();
        message.setHttpMethod('post');
        message.setEndpoint(url);
        message.setHttpTimeout(LONGEST_CALL);
        message.setRequestHeader('Authorization', 'Bearer ' + token);
        message.setRequestHeader('Content-Type', 'application/json');
        message.setRequestHeader('Accept', 'application/json');
        message.setRequestBody(JSON.stringify({ sys_id: id }));

        // execute(), not executeAsync(): an async rule is in the background already, and
        // only execute() shows the answer here.
        var response = message.execute();
        var status = response.getStatusCode();
        if (status < 200 || status > 299) {
            gs.warn('Ringdown: the callback about ' + id + ' was answered ' + status + ' '
                + (response.haveError() ? response.getErrorMessage() : ''));
        }
    } catch (problem) {
        // The token is in no message of the platform's; the URL may be.
        gs.warn('Ringdown: the callback about ' + id + ' was not sent: ' + problem);
    }

})(current, previous);
